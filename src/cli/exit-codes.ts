/** What commands that read manifests end with. */
export const EXIT_CODES = `
Exit codes:
  0  done
  1  done, and requests would fail (diff: requests change): the output says which
  2  the input is at fault: the message says where`;

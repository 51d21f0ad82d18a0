import * as fc from 'fast-check';

/*
 * Property tests draw new cases each time and print the seed of a failure, which stands with its `path` in fc.assert's options.
 * PROPERTY_SEED=… draws the same ones each time: one commit, one verdict.
 */
const { PROPERTY_SEED } = process.env;
if (PROPERTY_SEED) fc.configureGlobal({ seed: Number(PROPERTY_SEED) });

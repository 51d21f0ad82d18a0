import { cronProblem } from '../../src/pipeline/cron';

test.each(['17 * * * *', '*/15 0 1 1 0', '0,30 8-18 * * MON-FRI', '5 4 1-15/2 jan,JUL 6', '20/15 * * * *'])('%s is a time in cron\'s words', (text) => {
  expect(cronProblem(text)).toBeUndefined();
});

test.each([
  ['nonsense', /five fields/],
  ['17 * * *', /five fields/],
  ['17 * * * * *', /five fields/],
  ['17  * * *', /five fields/],
  ['', /five fields/],
  ['60 * * * *', /minute of 0 to 59/],
  ['99 99 * * *', /minute of 0 to 59/],
  ['0 24 * * *', /hour of 0 to 23/],
  ['0 0 0 * *', /day of the month of 1 to 31/],
  ['0 0 * 13 *', /month of 1 to 12/],
  ['0 0 * * 7', /day of the week of 0 to 6/],
  ['0 0 * * JAN', /day of the week/],
  ['30-10 * * * *', /minute/],
  ['*/0 * * * *', /minute/],
  ['1,,2 * * * *', /minute/],
  ['* * * * $(id)', /day of the week/],
])('%s is none', (text, problem) => {
  expect(cronProblem(text)).toMatch(problem);
});

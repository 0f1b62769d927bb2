/**
 * Runs before the tests of a file: property tests draw the same values in every run, so that a
 * run fails only for what was changed. The long form goes on looking for what nobody thought of, and
 * prints the seed of what it finds.
 *
 * @module
 */
import * as fc from 'fast-check';

const SEED = 20_261_123;

if (process.env['BALANCER_TEST_LONG'] === undefined) {
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: SEED });
}

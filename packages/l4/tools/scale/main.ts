/**
 * Prints the tables of docs/scale.md:
 *
 *     npm run scale -w packages/l4
 *
 * @module
 */
import { movementTable, planTable, slotsTable } from './tables.ts';

console.log([planTable(), movementTable(), slotsTable()].join('\n\n'));

/**
 * The BigBlueButton gateway: many servers behind one address.
 *
 * @module
 */
export { Store } from './store/store.ts';

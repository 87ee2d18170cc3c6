import { randomUUID } from 'node:crypto';
import { Customer } from '../entities.js';
import type { Request } from './request.js';

export function signUp(name: string, address: string): Request<Customer> {
  return async (em) => {
    const customer = em.create(Customer, { id: randomUUID(), name, address });
    const values = { name, address };
    const row = customer.id;
    return { answer: customer, drafts: [{ kind: 'insert', table: 'customers', row, entity: customer, values }] };
  };
}

export function moveHouse(id: string, address: string): Request<Customer> {
  return async (em) => {
    const customer = await em.findOneOrFail(Customer, id);
    // A move to the same address changes nothing.
    if (customer.address === address) return { answer: customer, drafts: [] };
    customer.address = address;
    const values = { address };
    return { answer: customer, drafts: [{ kind: 'update', table: 'customers', row: id, entity: customer, values }] };
  };
}

import { Customer, Order, OrderLine, Product, type OrderStatus } from '../entities.js';
import type { Draft } from '../journal/draft.js';
import type { Request } from './request.js';

/** An order as the shop remembers it: the keys to find its rows by. */
export interface OrderKeys {
  readonly id: number;
  readonly reference: string;
  readonly lines: readonly { readonly id: number; readonly position: number }[];
}

export interface OrderForm {
  readonly reference: string;
  readonly customer: string;
  readonly lines: readonly { readonly product: string; readonly quantity: number }[];
}

/** One flush writes the order and all of its lines; their keys come from the database's sequences, in blocks. */
export function placeOrder({ reference, customer: customerId, lines }: OrderForm): Request<Order> {
  return async (em) => {
    const customer = await em.findOneOrFail(Customer, customerId);
    const products = await em.find(Product, { id: { $in: lines.map(({ product }) => product) } });
    const byId = new Map(products.map((product) => [product.id, product]));

    const order = em.create(Order, { reference, status: 'placed', total: '0.00', customer });
    let cents = 0;
    for (const [index, { product: productId, quantity }] of lines.entries()) {
      const product = byId.get(productId);
      if (product === undefined) throw new Error(`Product ${productId} of order ${reference} does not exist.`);
      order.lines.add(em.create(OrderLine, { order, position: index + 1, product, quantity }));
      cents += Math.round(Number(product.price) * 100) * quantity;
    }
    order.total = (cents / 100).toFixed(2);
    return { answer: order, drafts: [draftOf(order), ...order.lines.map((line) => draftOfLine(reference, line))] };
  };
}

export function setStatus({ id, reference }: OrderKeys, status: OrderStatus): Request<Order> {
  return async (em) => {
    const order = await em.findOneOrFail(Order, id);
    order.status = status;
    return {
      answer: order,
      drafts: [{ kind: 'update', table: 'orders', row: reference, entity: order, values: { status } }],
    };
  };
}

export function deleteOrder({ id, reference, lines }: OrderKeys): Request<void> {
  return async (em) => {
    const order = await em.findOneOrFail(Order, id);
    const found = await em.find(OrderLine, { id: { $in: lines.map((line) => line.id) } });
    for (const entity of [...found, order]) em.remove(entity);
    const drafts: Draft[] = lines.map((line) => ({
      kind: 'delete',
      table: 'order_lines',
      row: rowOf(reference, line),
    }));
    return { answer: undefined, drafts: [...drafts, { kind: 'delete', table: 'orders', row: reference }] };
  };
}

export function keysOf({ id, reference, lines }: Order): OrderKeys {
  return { id, reference, lines: lines.map((line) => ({ id: line.id, position: line.position })) };
}

function draftOf(order: Order): Draft {
  const values = { status: order.status, total: order.total, customer_id: order.customer.id };
  return { kind: 'insert', table: 'orders', row: order.reference, entity: order, values };
}

function draftOfLine(reference: string, line: OrderLine): Draft {
  const values = { product_id: line.product.id, quantity: String(line.quantity) };
  return { kind: 'insert', table: 'order_lines', row: rowOf(reference, line), entity: line, values };
}

function rowOf(reference: string, { position }: { readonly position: number }): string {
  return `${reference}/${position}`;
}

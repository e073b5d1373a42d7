// Compares the books after a torture's round with themselves and with the venue's.
import type { SqlSession } from '../../src/ports/database.ts';
import type { Store } from '../../src/ports/store/store.ts';
import { violations } from '../../test/support/invariants.ts';
import type { WholeBook } from './book.ts';

interface OrderRow {
  id: string;
  status: string;
  filledQuantity: number;
  filledValueMinor: number;
}

/** Everything that is wrong, as sentences: our books against themselves, and against the venue's own. */
export async function verdict(store: Store, session: SqlSession, book: WholeBook): Promise<string[]> {
  const books = await store.call('check_books', {});
  const rows = await session.query(`select client_order_id as id, status, filled_quantity, filled_value_minor
    from public.orders`);
  const orderRows = new Map(
    rows.map((row) => {
      const [filledQuantity, filledValueMinor] = [Number(row['filled_quantity']), Number(row['filled_value_minor'])];
      return [
        String(row['id']),
        { id: String(row['id']), status: String(row['status']), filledQuantity, filledValueMinor },
      ];
    }),
  );
  return [
    ...books.map(({ rule, subject }) => `broken: ${rule} (${subject})`),
    ...(await violations(session)),
    ...book.unmarked.map((order) => `the venue heard of ${order} before it was marked`),
    ...book.orders.flatMap((atVenue) => againstTheBook(atVenue, orderRows.get(atVenue.clientOrderId))),
    ...unknownToVenue(orderRows, book),
    ...(await aboutMessages(session, book)),
  ];
}

function againstTheBook(atVenue: WholeBook['orders'][number], row: OrderRow | undefined): string[] {
  const { clientOrderId, submits, placed } = atVenue;
  const fills = placed.flatMap((order) => order.fills);
  const quantity = fills.reduce((sum, fill) => sum + fill.quantity, 0);
  const valueMinor = fills.reduce((sum, fill) => sum + fill.quantity * fill.priceMinor, 0);
  const wrong: string[] = [];
  if (submits > 1) wrong.push(`${clientOrderId} was sent ${submits} times`);
  if (placed.length > 1) wrong.push(`${clientOrderId} was placed ${placed.length} times`);
  if (!row) return [...wrong, `the venue heard of ${clientOrderId}, which is not in our table`];
  if (row.filledQuantity !== quantity || row.filledValueMinor !== valueMinor) {
    wrong.push(`${clientOrderId} (${row.status}) filled ${row.filledQuantity}, at the venue ${quantity}`);
  }
  return wrong;
}

function unknownToVenue(orderRows: ReadonlyMap<string, OrderRow>, book: WholeBook): string[] {
  const idsAtVenue = new Set(book.orders.map(({ clientOrderId }) => clientOrderId));
  return [...orderRows.values()]
    .filter(
      ({ id, status }) => !idsAtVenue.has(id) && ['working', 'partially_filled', 'filled', 'rejected'].includes(status),
    )
    .map(({ id, status }) => `${id} is ${status}, but the venue never heard of it`);
}

async function aboutMessages(session: SqlSession, book: WholeBook): Promise<string[]> {
  const rows = await session.query('select id, user_id, run_id, kind, status from public.messages order by id');
  return rows.flatMap((row) => {
    const times = book.messages[String(row['id'])] ?? 0;
    const what = `the ${row['kind']} of ${row['user_id']} for ${row['run_id']} (${row['status']})`;
    if (times > 1) return [`${what} was sent ${times} times`];
    if (row['status'] === 'sent' && times === 0) return [`${what} was never sent`];
    if (row['status'] === 'queued' || row['status'] === 'sending') return [`${what} was left behind`];
    return [];
  });
}

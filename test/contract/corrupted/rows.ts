// What a corruption is, and SQL that finds the rows of a busy day.
/** One column made wrong in a busy day (busy-day.ts): table, what it is set to, in which rows, and a rule that must say so. */
export type Corruption = readonly [table: string, set: string, where: string, rule: string];

export const order = (userId: string, symbol: string, side = 'BUY') =>
  `id = (select o.id from public.orders o join public.instruments i on i.id = o.instrument_id
    where (o.user_id, i.symbol, o.side) = ('${userId}', '${symbol}', '${side}'))`;
export const account = (userId: string) => `(select id from public.accounts where user_id = '${userId}')`;
export const share = (symbol: string) => `(select id from public.instruments where symbol = '${symbol}')`;
export const position = (userId: string, symbol: string) =>
  `account_id = ${account(userId)} and instrument_id = ${share(symbol)}`;
export const ofOrder = (userId: string, symbol: string, side = 'BUY') =>
  `order_id in (select id from public.orders where ${order(userId, symbol, side)})`;
export const decision = (userId: string, symbol: string) =>
  `user_id = '${userId}' and signal_id like '%:${symbol}:BUY'`;

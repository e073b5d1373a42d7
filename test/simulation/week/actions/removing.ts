// Removes the records of closed days, as a person does years later; what they were is kept beside the database, for the checks.
import { addDays, istDate } from '../../../../src/domain/market/india-time.ts';
import { DatabaseError } from '../../../../src/ports/database.ts';
import { readRows } from '../checks/books.ts';
import { DECISIONS_SQL, type Removed, type Week } from '../week.ts';

const YEARS = 20;

const OF_CLOSING_SQL = 'select last_order_id::int as "upTo" from public.closings where through = $1::date';

/** Everything that is closed, the oldest first, some rows at a time. The command may be killed, and goes on the next day. */
export async function removeClosed(week: Week): Promise<void> {
  const { store, ground, draw, day, count, removed } = week;
  const chance = draw(`removing ${day.date}`);
  // A person corrects first what they know to be wrong: of what is removed nothing is corrected any more.
  if (week.lies.length > 0) return;
  const { closings } = await store.call('read_closings', {});
  for (const { through } of closings) {
    if (removed.through.includes(through)) continue;
    const before = await readRows(ground.session);
    const decisions = (await ground.session.query(DECISIONS_SQL)).map(({ what }) => String(what));
    const kind = await markYearsLater(week, through);
    count(`removal ${kind}`);
    if (kind !== 'marked') break;
    const upTo = Number((await ground.session.query(OF_CLOSING_SQL, [through]))[0]?.['upTo']);
    removed.through.push(through);
    keep(removed, before, decisions, upTo);
    week.wrote();
  }
  const limit = chance.pick([1, 3, 100]);
  const pages = chance.happens(0.3) ? chance.between(1, 4) : Number.POSITIVE_INFINITY;
  for (let page = 0; page < pages; page += 1) {
    const answer = await store.call('remove_page', { limit }).catch((refused: DatabaseError) => refused);
    week.wrote();
    if (answer instanceof DatabaseError) return week.breaks('removing ends', answer.message);
    if (answer.kind !== 'removed') return week.breaks('removing ends', answer.kind);
    if (answer.rows === 0) return count('removed all');
  }
  count('fault removal_killed_in_the_middle');
}

function keep(removed: Removed, before: Awaited<ReturnType<typeof readRows>>, decisions: string[], upTo: number): void {
  const known = new Set(removed.orders.map(({ orderId }) => orderId));
  const gone = (orderId: number | null) => orderId !== null && orderId <= upTo && !known.has(orderId);
  removed.fills.push(...before.fills.filter(({ orderId }) => gone(orderId)));
  removed.orders.push(...before.orders.filter(({ orderId }) => gone(orderId)));
  removed.decisions = [...new Set([...removed.decisions, ...decisions])];
}

/** The database's clock is so far ahead for this one call. */
async function markYearsLater({ ground, clock }: Week, through: string): Promise<string> {
  const day = addDays(istDate(clock.nowMs), YEARS * 366);
  const by = { who: 'simulated', how: 'cli', why: 'older than the law asks for' };
  const args = { through, years: 8, manifestHash: 'f'.repeat(64), by };
  const [was] = await ground.session.query(`select current_setting('daily_scan.now', true) as now`);
  const later = `set daily_scan.now = '${day}T12:00:00+05:30'`;
  await ground.session.exec(later);
  const [row] = await ground.session
    .query('select public.mark_removed($1::jsonb) as answer', [JSON.stringify(args)])
    .finally(() => ground.session.exec(`set daily_scan.now = '${was?.['now'] ?? ''}'`));
  const answer = row?.['answer'] as { kind: string; open?: { kind: string }[] };
  return [answer.kind, ...(answer.open ?? []).map(({ kind }) => kind)].join(' ');
}

// Which of the actions happen on a day and in the night after it, and when.
import { istDate, istMs } from '../../../../src/domain/market/india-time.ts';
import type { Mode } from '../../../../src/domain/types.ts';
import { tester } from '../../../support/tester.ts';
import { dollarSignalsOn, planNewYork } from '../dollars.ts';
import { signalsOn } from '../plan.ts';
import type { Week } from '../week.ts';
import type { Process } from '../world/process.ts';
import { askForOrders, calm, checkReadiness, compareBooks, processOf, scan, workFor } from './acts.ts';
import { closeDays, reopening } from './closing.ts';
import { importShares, moveOutside, planLateFacts, reportAgain, reportWrongFills } from './facts.ts';
import { acknowledgeAll, changeSomething, correctLies, resolveOrders } from './people.ts';
import { removeClosed } from './removing.ts';

/** What happens on a trading day and in the night after it, each choice drawn by its own name. */
export async function planDay(week: Week): Promise<void> {
  const { day, draw, store } = week;
  const { date } = day;
  const at = (time: string, what: string, act: () => Promise<void>) => week.at(istMs(date, time), what, act);
  await store.call('import_signals', {
    by: tester,
    signals: [
      ...signalsOn(week.seed, date, day.index),
      ...(week.plan.dollars.length > 0 ? dollarSignalsOn(week.seed, date) : []),
    ],
    source: 'simulation',
  });
  const chance = draw(`day ${date}`);
  at('08:05:00', 'logins', () => logIn(week, 0.9));
  if (chance.happens(0.95)) {
    at('08:30:00', 'readiness', () => checkReadiness(week, processOf(week, `ready ${date}`)));
  }
  if (chance.happens(0.5)) at('08:50:00', 'late logins', () => logIn(week, 0.5));
  if (chance.happens(0.3)) {
    at('09:16:00', 'an early order', () =>
      askForOrders(week, processOf(week, `early ${date}`), chance.pick(modesOf(week))),
    );
  }
  if (chance.happens(0.3)) {
    at('11:00:00', 'logins at last', () => logIn(week, 0.95));
    at('11:01:00', 'readiness at last', () => checkReadiness(week, calm(`ready at last ${date}`)));
  }
  at('09:00:00', 'readiness again', () => checkReadiness(week, calm(`ready again ${date}`)));
  if (chance.happens(0.25)) at('08:40:00', 'a wrong clock', () => actAtAWrongTime(week, `wrong clock ${date} 1`));
  if (chance.happens(0.25)) at('12:00:00', 'a wrong clock', () => actAtAWrongTime(week, `wrong clock ${date} 2`));
  planScans(week, at);
  planHours(week);
  planNewYork(week);
  if (week.plan.leavesOpen && draw(`logouts ${date}`).happens(0.6)) {
    at('15:10:00', 'logins end early', async () => {
      for (const venue of week.venues.values()) venue.logins.clear();
    });
  }
  at('15:20:00', 'a worker', () => workFor(week, processOf(week, `worker ${date} 15:20`), 30_000));
  if (chance.happens(0.3)) {
    at('15:27:00', 'a late order', () => askAndDie(week, chance.pick(modesOf(week))));
  }
  if (chance.happens(0.75)) {
    at('15:32:00', 'a worker after the close', () => workLate(week));
  }
  at('15:45:00', 'late facts', async () => planLateFacts(week));
  at('15:48:00', 'wrong facts', () => reportWrongFills(week));
  if (draw(`correct ${date}`).happens(0.5)) {
    at('15:55:00', 'a person corrects', () => reopening(week, 'correction', () => correctLies(week)));
  }
  const isLeft = week.plan.leavesOpen && draw(`leaves open ${date}`).happens(0.9);
  if (chance.happens(0.8) && !isLeft) {
    at('15:50:00', 'a person resolves', async () => void (await resolveOrders(week)));
  }
  if (chance.happens(0.9))
    at('16:00:00', 'books are compared', () => compareBooks(week, processOf(week, `sync ${date}`)));
  if (chance.happens(0.7)) at('16:30:00', 'a person acknowledges', async () => void (await acknowledgeAll(week)));
  if (draw(`closing ${date}`).happens(0.6)) at('17:30:00', 'books are closed', () => closeDays(week));
  if (week.removes) at('18:00:00', 'what is closed is removed', () => removeClosed(week));
  if (draw(`shares ${date}`).happens(0.3)) {
    at('17:00:00', 'shares of the past are imported', () => reopening(week, 'shares', () => importShares(week, date)));
  }
  at('22:00:00', 'the night', () => moveOutside(week));
}

type At = (time: string, what: string, act: () => Promise<void>) => void;

function planScans(week: Week, at: At): void {
  const { date } = week.day;
  for (const mode of ['live', 'paper'] as const) {
    if (!week.plan.users.some((user) => user.mode === mode)) continue;
    const times = ['09:20:00', '09:24:00', '09:28:00'] as const;
    const plan = (turn: number): void => {
      const time = times[turn];
      if (time === undefined) return;
      at(time, `scan ${mode}`, async () => {
        const name = `scan ${mode} ${date} ${turn}`;
        const how = await scan(week, turn === 2 ? calm(name) : processOf(week, name), mode);
        // Who comes again finds most of it done.
        // Or nobody comes again: whoever passes later closes what was left.
        const share = how === 'killed' ? 0.7 : 0.2;
        if (week.draw(name).happens(share)) plan(turn + 1);
      });
    };
    plan(0);
  }
}

/** From ten to three: orders one by one, settings, facts told once more. */
function planHours(week: Week): void {
  const { date } = week.day;
  const chance = week.draw(`hours ${date}`);
  const modes = modesOf(week);
  for (let index = 0; index < chance.between(0, 6); index += 1) {
    const atMs = istMs(date, '10:00') + chance.between(0, 5 * 3_600_000);
    const name = `${date} ${index}`;
    const what = chance.weighted({ orders: 5, settings: 2, again: 2, worker: 1, ready: 1 });
    const mode = chance.pick(modes);
    week.at(atMs, `${what} ${name}`, async () => {
      if (what === 'settings') return changeSomething(week, name);
      if (what === 'again') return reportAgain(week, name);
      if (what === 'ready') return checkReadiness(week, processOf(week, `ready ${name}`));
      if (what === 'orders') await askForOrders(week, processOf(week, `orders ${name}`), mode);
      return workFor(week, processOf(week, `worker ${name}`), 30_000);
    });
  }
}

const modesOf = ({ plan }: Week): Mode[] => plan.users.map(({ mode }) => mode);

/** A process whose clock is minutes or a day off changes nothing, whatever it is asked to do. */
async function actAtAWrongTime(week: Week, name: string): Promise<void> {
  const chance = week.draw(name);
  const skewMs = chance.pick([-86_400_000, 86_400_000, 1_200_000, -1_800_000]);
  const process: Process = { ...calm(name), skewMs };
  const before = await digestOf(week);
  const what = chance.pick(['ready', 'work', 'scan', 'sync', 'orders'] as const);
  const mode = chance.pick(modesOf(week));
  if (what === 'ready') await checkReadiness(week, process);
  else if (what === 'work') await workFor(week, process, 10_000);
  else if (what === 'scan') await scan(week, process, mode);
  else if (what === 'sync') await compareBooks(week, process);
  else await askForOrders(week, process, mode);
  week.count('fault wrong_clock');
  if ((await digestOf(week)) !== before) week.breaks('no wrong clock is believed', `${name} (${what}, ${skewMs} ms)`);
}

const kept = [
  'orders',
  'fills',
  'accounts',
  'positions',
  'ledger_entries',
  'decisions',
  'scan_runs',
  'drifts',
  'messages',
];

/** Of all that a process may change. */
async function digestOf({ ground }: Week): Promise<string> {
  const [row] = await ground.session.query(
    `select md5(concat_ws('|', ${kept
      .map((table) => `(select json_agg(t order by t::text) from public.${table} t)`)
      .join(', ')})) as digest`,
  );
  return String(row?.['digest']);
}

/** A worker dies over the last order of the day, which has arrived. */
async function askAndDie(week: Week, mode: Mode): Promise<void> {
  const name = `late ${week.day.date}`;
  await askForOrders(week, calm(name), mode);
  await workFor(week, { ...calm(`worker ${name}`), concurrency: 1, diesSending: true }, 30_000);
}

/** Who comes after the close stays as long as something of an earlier day is looked for. */
async function workLate(week: Week): Promise<void> {
  const { orders } = await week.rows();
  const isOld = orders.some(({ endedAtMs, createdAtMs }) => endedAtMs === null && istDate(createdAtMs) < week.day.date);
  await workFor(week, calm(`worker ${week.day.date} 15:32`), isOld ? 600_000 : 100_000);
  week.workedLate = true;
}

async function logIn(week: Week, share: number): Promise<void> {
  for (const { id, venue } of (await week.rows()).accounts) {
    if (week.draw(`login ${id} ${week.day.date} ${share}`).happens(share)) week.venues.get(venue)?.logins.add(id);
  }
}

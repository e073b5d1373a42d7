// A second database session that takes row locks and keeps them for a while.
import type { SqlSession } from '../../../../src/ports/database.ts';
import type { Scene } from '../scene.ts';
import type { RowLock } from './outside.ts';

const rowsOf: Record<RowLock['what'], string> = {
  account: 'select id from public.accounts where user_id = $1',
  user: 'select id from public.users where id = $1',
  order: 'select id from public.orders where user_id = $1 order by id limit 1',
  run: `select id from public.scan_runs where $1 <> ''`,
};

/** Somebody with a session of their own takes rows and keeps them for a while, as an open `begin` in psql does. */
export function holdRows(scene: Scene, outsider: SqlSession): void {
  const { turns, plan, outside, neighbours } = scene;
  for (const lock of outside.locks) {
    const fromMs = plan.startMs + lock.afterMs;
    // Orders and runs are there only after a while: the stranger comes back until they are.
    const take = async (tries: number): Promise<void> => {
      await outsider.exec('begin');
      const rows = await outsider.query(`${rowsOf[lock.what]} for update`, [lock.userId]);
      if (rows.length === 0) {
        await outsider.exec('rollback');
        if (tries > 0) turns.at(turns.nowMs() + 100, '', () => take(tries - 1));
        return;
      }
      scene.count(`fault lock_${lock.what}`);
      neighbours.locked(lock);
      turns.at(turns.nowMs() + lock.forMs, `a stranger lets go of the ${lock.what} of ${lock.userId}`, letGo);
    };
    const letGo = async (): Promise<void> => {
      neighbours.released(lock, scene.tables, outside.alone);
      await outsider.exec('rollback');
    };
    turns.at(fromMs, `a stranger takes the ${lock.what} of ${lock.userId}`, () =>
      take(lock.what === 'order' || lock.what === 'run' ? 100 : 0),
    );
  }
}

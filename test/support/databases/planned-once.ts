// Asks the same question again without planning it again.
import type { SqlSession } from '../../../src/ports/database.ts';

const known = new WeakMap<SqlSession, SqlSession>();
let count = 0;

/**
 * The same session, whose queries without parameters are prepared when they are first asked: planning what looks for
 * breaches takes longer than looking in a database of few rows.
 */
export function plannedOnce(session: SqlSession): SqlSession {
  const planned = known.get(session) ?? preparing(session);
  known.set(session, planned).set(planned, planned);
  return planned;
}

function preparing(session: SqlSession): SqlSession {
  const names = new Map<string, string>();
  return {
    exec: (sql) => session.exec(sql),
    async query(sql, params) {
      if (params) return session.query(sql, params);
      const name = names.get(sql) ?? nextName();
      if (!names.has(sql)) await session.exec(`prepare ${name} as ${sql}`);
      names.set(sql, name);
      return session.query(`execute ${name}`);
    },
  };
}

function nextName(): string {
  count += 1;
  return `planned_${count}`;
}

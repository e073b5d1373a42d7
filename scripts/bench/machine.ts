// Describes the machine and the Postgres that the figures were measured on.
import { cpus, totalmem } from 'node:os';
import type { BenchServer } from './core/databases.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGib: number;
  node: string;
  postgres: string;
  fsync: string;
  synchronousCommit: string;
}

/** What the figures were made on. */
export async function machineOf(server: BenchServer): Promise<Machine> {
  const database = await server.fresh();
  try {
    const shown = async (setting: string) => {
      const [row] = await database.session.query('select current_setting($1) as value', [setting]);
      return String(row?.['value']);
    };
    return {
      cpu: cpus()[0]?.model.trim() ?? 'unknown',
      cores: cpus().length,
      memoryGib: Math.round(totalmem() / 2 ** 30),
      node: process.version,
      postgres: `${await shown('server_version')} (${server.build})`,
      fsync: await shown('fsync'),
      synchronousCommit: await shown('synchronous_commit'),
    };
  } finally {
    await database.close();
  }
}

export function machineLine(machine: Machine): string {
  const { cpu, cores, memoryGib, node, postgres, fsync, synchronousCommit } = machine;
  const database = `Postgres ${postgres} on this machine, fsync ${fsync}, synchronous_commit ${synchronousCommit}`;
  return `${cpu}, ${cores} cores, ${memoryGib} GiB; Node ${node}; ${database}`;
}

// Checks after every call that nobody lost a claim that stands.
import type { Snapshot } from '../../common/ground.ts';

export interface Moment {
  /** By the database's clock, which leases are held by. */
  nowMs: number;
  /** The claims whose holder says he is still there; null: another call. */
  renewing: readonly string[] | null;
}

type Row = Snapshot['orders'][number];

/** What one call did to claims that it may not do: nobody loses a lease that stands, and a lapsed one stays lapsed. */
export function brokenClaims(before: readonly Row[], after: readonly Row[], moment: Moment): string[] {
  const earlier = new Map(before.map((row) => [row.id, row]));
  return after.flatMap((row) => {
    const old = earlier.get(row.id);
    const what = old ? brokenClaim(old, row, moment) : null;
    return what === null ? [] : [`${row.clientOrderId} ${what}`];
  });
}

function brokenClaim(old: Row, row: Row, { nowMs, renewing }: Moment): string | null {
  const stands = old.leaseUntilMs !== null && old.leaseUntilMs >= nowMs;
  const moved = old.claimId !== null && row.claimId !== null && old.claimId !== row.claimId;
  if (moved && stands) return 'is taken from who holds it';
  if (renewing === null || (row.leaseUntilMs === old.leaseUntilMs && row.claimId === old.claimId)) return null;
  if (moved || row.claimId === null || !renewing.includes(row.claimId)) return 'is renewed by who does not hold it';
  return stands ? null : 'is renewed after its lease has lapsed';
}

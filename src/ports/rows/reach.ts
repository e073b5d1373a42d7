// The shape of what the database login may do beyond calling functions.
import { z } from 'zod';

/** What the role this program calls as may do beside calling functions. */
export const reach = z.object({
  role: z.string(),
  superuser: z.boolean(),
  /** Of the schema: it may change or drop anything of ours. */
  owner: z.boolean(),
  /** Tables of ours it reads or writes; 20 at most. */
  tables: z.array(z.string()),
  /** Roles of the service that the server lacks. */
  missingRoles: z.array(z.string()),
});

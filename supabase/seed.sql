-- A local stack to look around in: two paper users and two instruments, through the same functions everybody uses.
-- May be run again: nothing is doubled.
select public.import_instruments('{"by": {"who": "seed", "how": "cli"}, "instruments": [
  {"exchange": "NSE", "symbol": "TITAN", "isin": "INE280A01028", "name": "Titan Company", "tickMinor": 10, "lotSize": 1,
   "freezeQuantity": null, "fno": true, "restricted": null},
  {"exchange": "NSE", "symbol": "ITC", "isin": "INE154A01025", "name": "ITC", "tickMinor": 5, "lotSize": 1,
   "freezeQuantity": null, "fno": true, "restricted": null}
]}');
select public.import_users(jsonb_build_object('by', '{"who": "seed", "how": "cli"}'::jsonb, 'mode', 'paper', 'source', 'seed',
  'nowMs', (extract(epoch from now()) * 1000)::bigint,
  'users', '[
    {"id": "asha-rao", "name": "Asha Rao", "whatsapp": null, "capitalMinor": 10000000, "allocationBps": 2000,
     "leverageCenti": 500, "maxOpenPositions": null, "dailyLossLimitBps": null, "priority": 100, "venue": "paper"},
    {"id": "rohan-mehta", "name": "Rohan Mehta", "whatsapp": null, "capitalMinor": 20000000, "allocationBps": 1000,
     "leverageCenti": 500, "maxOpenPositions": 3, "dailyLossLimitBps": 200, "priority": 100, "venue": "paper"}
  ]'::jsonb));

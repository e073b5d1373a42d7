-- What anybody may show at the HTTP edge is looked up many at a time: any number of guesses costs one call.

-- Whose keys these are, in their order, each as find_api_key says.
create function public.find_api_keys(args jsonb) returns jsonb
language sql security definer set search_path = '' as $$
  select coalesce(jsonb_agg(public.find_api_key((args - 'hashes') || jsonb_build_object('hash', shown.hash))
    order by shown.n), '[]')
  from jsonb_array_elements_text(args -> 'hashes') with ordinality shown(hash, n);
$$;

-- Whose orders a venue is said to speak of, in their order, each as find_venue_order says.
create function public.find_venue_orders(args jsonb) returns jsonb
language sql stable security definer set search_path = '' as $$
  select coalesce(jsonb_agg(public.find_venue_order(reported.claim
    || jsonb_build_object('venue', args ->> 'venue'))
    order by reported.n), '[]')
  from jsonb_array_elements(args -> 'orders') with ordinality reported(claim, n);
$$;

// Every reason a user may read, in Hindi.
import type { DenyReason, SkipReason } from '../../decision/decision.ts';
import type { OrderReason } from '../../order.ts';
import type { Clause, ReasonClauses } from './reason-clause.ts';

const decisions: Record<SkipReason | DenyReason, Clause> = {
  user_inactive: { you: 'आपका खाता रोका हुआ है' },
  trading_disabled: { you: 'आपके खाते में ट्रेडिंग बंद है' },
  not_subscribed: { you: 'आप यह रणनीति नहीं अपनाते' },
  no_account_in_currency: { you: 'जिस मुद्रा में इसका कारोबार होता है, उसमें आपका कोई खाता नहीं है' },
  account_not_ready: { you: 'आपका ट्रेडिंग खाता तैयार नहीं है' },
  already_decided: { you: 'यह सिग्नल आपके लिए पहले ही निपटाया जा चुका है' },
  already_holding: { you: 'यह शेयर आपके पास पहले से है' },
  working_order: { you: 'इसका एक ऑर्डर पहले से खुला था' },
  no_position: { you: 'बेचने के लिए आपके पास यह शेयर नहीं है' },
  symbol_not_allowed: { you: 'आपकी सेटिंग इसकी अनुमति नहीं देती' },
  halted: { you: 'ट्रेडिंग रोकी गई है' },
  cut_off: { you: 'नए ऑर्डर का समय निकल चुका था' },
  signal_expired: { you: 'सिग्नल अब मान्य नहीं था' },
  price_unavailable: { you: 'इसका भरोसेमंद भाव नहीं मिला' },
  price_outside_band: {
    you: 'भाव सिग्नल से बहुत दूर जा चुका था',
    measure: { unit: 'percent', actual: 'बदलाव', limit: 'सीमा' },
  },
  margin_unavailable: { you: 'ब्रोकर ने इसका मार्जिन नहीं बताया' },
  instrument_restricted: { you: 'इसमें नई खरीद पर रोक है' },
  daily_loss_limit: {
    you: 'आपके दिन के नुकसान की सीमा पूरी हो गई',
    measure: { unit: 'money', actual: 'आज', limit: 'सीमा' },
    unmeasured: 'आज का नतीजा पता नहीं, इसलिए नुकसान की सीमा जाँची नहीं जा सकी',
  },
  max_open_positions: {
    you: 'आपकी तय संख्या जितनी पोज़ीशन पहले से खुली हैं',
    measure: { unit: 'count', actual: 'खुली', limit: 'सीमा' },
  },
  quantity_zero: {
    you: 'आपका हिस्सा एक लॉट के लिए कम है',
    measure: { unit: 'money', actual: 'एक लॉट', limit: 'आपका हिस्सा' },
  },
  below_min_value: {
    you: 'ऑर्डर बहुत छोटा होता',
    measure: { unit: 'money', actual: 'मूल्य', limit: 'न्यूनतम' },
  },
  max_order_value: {
    you: 'ऑर्डर बहुत बड़ा होता',
    measure: { unit: 'money', actual: 'मूल्य', limit: 'अधिकतम' },
  },
  max_orders_per_day: {
    you: 'आज आपकी तय संख्या जितने खरीद ऑर्डर हो चुके हैं',
    measure: { unit: 'count', actual: 'आज', limit: 'सीमा' },
  },
  freeze_quantity: {
    you: 'एक्सचेंज एक ऑर्डर में इतनी मात्रा नहीं लेता',
    measure: { unit: 'count', actual: 'मात्रा', limit: 'अधिकतम' },
  },
  symbol_cap: { you: 'इस शेयर की हमारी आज की सीमा पूरी हो गई' },
  insufficient_funds: {
    you: 'पर्याप्त राशि उपलब्ध नहीं',
    measure: { unit: 'money', actual: 'चाहिए', limit: 'उपलब्ध' },
  },
};

const orders: Record<OrderReason, Clause> = {
  breaker_open: { you: 'बहुत से ऑर्डर विफल हो रहे थे, इसलिए हमने भेजना रोक दिया' },
  not_sent_in_time: { you: 'यह समय पर नहीं भेजा जा सका' },
  venue_rejected: { you: 'ब्रोकर ने मना किया' },
  pattern_day_trader: { you: 'पैटर्न डे ट्रेडर नियम के अनुसार आपके खाते में और डे ट्रेड नहीं बचे' },
  halted_at_exchange: { you: 'एक्सचेंज ने इसमें ट्रेडिंग रोक दी है' },
  not_tradable: { you: 'ब्रोकर इसमें ट्रेडिंग नहीं करता' },
  not_fractionable: { you: 'इसके केवल पूरे शेयर लिए और बेचे जाते हैं' },
  venue_canceled: { you: 'ब्रोकर ने रद्द किया' },
  venue_expired: { you: 'दिन के साथ बिना पूरा हुए समाप्त हुआ' },
  never_reached_venue: { you: 'यह ब्रोकर तक नहीं पहुँचा' },
  user_inactive: { you: 'भेजे जाने से पहले आपका खाता रोक दिया गया' },
  trading_disabled: { you: 'भेजे जाने से पहले आपके खाते में ट्रेडिंग बंद कर दी गई' },
  not_subscribed: { you: 'भेजे जाने से पहले आपने यह रणनीति छोड़ दी' },
  symbol_not_allowed: { you: 'भेजे जाने से पहले आपकी सेटिंग बदली, जो इसकी अनुमति नहीं देती' },
  resolved_by_operator: { you: 'हमने इसे ब्रोकर के साथ हाथ से निपटाया' },
};

/** Every reason a user may be told, in Hindi. */
export const hindiReasons: ReasonClauses = {
  decisions,
  limitOutsideBand: {
    you: 'आपका लिमिट भाव बाज़ार भाव से बहुत दूर है',
    measure: { unit: 'money', actual: 'आपकी लिमिट', limit: 'सबसे नज़दीकी मान्य' },
  },
  orders,
  // No code of ours is a word a user reads.
  another: () => 'किसी और कारण से',
};

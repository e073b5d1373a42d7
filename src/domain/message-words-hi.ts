import type { MessageWords } from './message-words.ts';
import { reasonFigure } from './reason-words.ts';

/** The Hindi words of a summary. The terms are those Indian brokers use in their Hindi messages. */
export const hindi: MessageWords = {
  months: ['जन', 'फ़र', 'मार्च', 'अप्रैल', 'मई', 'जून', 'जुल', 'अग', 'सित', 'अक्टू', 'नव', 'दिस'],
  hello: (name) => `नमस्ते ${name}`,
  there: 'जी',
  paper: 'पेपर ट्रेडिंग: असली पैसा नहीं',
  correction: 'सुधार: यह हमारे पिछले संदेश की जगह लेता है',
  noSignal: 'आज कोई सिग्नल नहीं था, इसलिए कोई ऑर्डर नहीं दिया गया।',
  noOrder: 'आज आपके लिए कोई ऑर्डर नहीं दिया गया।',
  nothingFilled: 'आज कोई ऑर्डर पूरा नहीं हुआ।',
  titles: {
    bought: 'खरीदा',
    sold: 'बेचा',
    open: 'अभी खुला है',
    unknown: 'अभी पक्का नहीं',
    notBought: 'नहीं खरीदा',
    notSold: 'नहीं बेचा',
  },
  partOf: (quantity, asked) => `${asked} में से ${quantity}`,
  margin: (amount) => ` (मार्जिन ${amount})`,
  pending({ side, quantity, name }, price, status) {
    const bound = side === 'BUY' ? 'अधिकतम' : 'कम से कम';
    const at = price === null ? 'बाज़ार भाव पर' : `${bound} ${price} पर`;
    const where = status === 'queued' ? 'भेजा जाना बाकी है' : 'एक्सचेंज पर इंतज़ार में है';
    return `${quantity} × ${name} ${at} ${side === 'BUY' ? 'खरीदना' : 'बेचना'}: ${where}`;
  },
  unknown: ({ side, quantity, name }) =>
    `${quantity} × ${name} ${side === 'BUY' ? 'खरीदना' : 'बेचना'}: ब्रोकर का जवाब नहीं मिला; हम जाँच रहे हैं और दोबारा नहीं भेजेंगे`,
  skipped: 'छोड़ा गया',
  denied: 'रोका गया',
  rejected: (rest, said, why) => `${restWas(rest)}ब्रोकर ने अस्वीकार किया${said ? `: "${said}"` : after(why)}`,
  canceled: (rest, why) => `${restWas(rest)}रद्द हुआ${after(why)}`,
  expired: (rest, why) =>
    `${restWas(rest)}${why ? `समाप्त हुआ${after(why)}` : 'समय पर पूरा नहीं हुआ, इसलिए ऑर्डर समाप्त हो गया'}`,
  reason: reasonInHindi,
  orderReason: (reason) =>
    (Object.hasOwn(clauses, reason) ? clauses[reason]?.you : undefined) ?? reason.replaceAll('_', ' '),
  notPlaced: (why) => `ऑर्डर नहीं दिया गया${after(why)}`,
  totalTitle: 'कुल',
  total: (bought, sold, signals) => `${signals} में से ${bought} सिग्नल पर खरीदा${sold > 0 ? `, ${sold} पर बेचा` : ''}`,
  figures: { spent: 'खर्च', margin: 'मार्जिन', soldFor: 'बिक्री', charges: 'शुल्क' },
  freeMoney: (amount) => `अब उपलब्ध राशि: ${amount}`,
  more: (count) => `+${count} और`,
};

interface Clause {
  you: string;
  /** The words before the two figures, as `measure` of reason-words.ts has them. */
  figures?: { unit: 'money' | 'percent' | 'count'; actual: string; limit: string };
}

/** Every reason a user may be told, in Hindi; a test compares the codes with the English ones. */
const clauses: Readonly<Partial<Record<string, Clause>>> = {
  user_inactive: { you: 'आपका खाता रोका हुआ है' },
  trading_disabled: { you: 'आपके खाते में ट्रेडिंग बंद है' },
  not_subscribed: { you: 'आप यह रणनीति नहीं अपनाते' },
  account_not_ready: { you: 'आपका ट्रेडिंग खाता तैयार नहीं है' },
  already_decided: { you: 'यह सिग्नल आपके लिए पहले ही निपटाया जा चुका है' },
  already_holding: { you: 'यह शेयर आपके पास पहले से है' },
  working_order: { you: 'इसका एक ऑर्डर पहले से खुला है' },
  no_position: { you: 'बेचने के लिए आपके पास यह शेयर नहीं है' },
  symbol_not_allowed: { you: 'आपकी सेटिंग इसकी अनुमति नहीं देती' },
  halted: { you: 'ट्रेडिंग रोकी गई है' },
  cut_off: { you: 'नए ऑर्डर का समय निकल चुका था' },
  signal_expired: { you: 'सिग्नल अब मान्य नहीं था' },
  price_unavailable: { you: 'इसका भरोसेमंद भाव नहीं मिला' },
  price_outside_band: {
    you: 'भाव सिग्नल से बहुत दूर जा चुका था',
    figures: { unit: 'percent', actual: 'बदलाव', limit: 'सीमा' },
  },
  margin_unavailable: { you: 'ब्रोकर ने इसका मार्जिन नहीं बताया' },
  instrument_restricted: { you: 'इसमें नई खरीद पर रोक है' },
  daily_loss_limit: {
    you: 'आपके दिन के नुकसान की सीमा पूरी हो गई',
    figures: { unit: 'money', actual: 'आज', limit: 'सीमा' },
  },
  max_open_positions: {
    you: 'आपकी तय संख्या जितनी पोज़ीशन पहले से खुली हैं',
    figures: { unit: 'count', actual: 'खुली', limit: 'सीमा' },
  },
  quantity_zero: {
    you: 'आपका हिस्सा एक लॉट के लिए कम है',
    figures: { unit: 'money', actual: 'एक लॉट', limit: 'आपका हिस्सा' },
  },
  below_min_value: {
    you: 'ऑर्डर बहुत छोटा होता',
    figures: { unit: 'money', actual: 'मूल्य', limit: 'न्यूनतम' },
  },
  max_order_value: {
    you: 'ऑर्डर बहुत बड़ा होता',
    figures: { unit: 'money', actual: 'मूल्य', limit: 'अधिकतम' },
  },
  max_orders_per_day: {
    you: 'आज आपकी तय संख्या जितने खरीद ऑर्डर हो चुके हैं',
    figures: { unit: 'count', actual: 'आज', limit: 'सीमा' },
  },
  freeze_quantity: {
    you: 'एक्सचेंज एक ऑर्डर में इतनी मात्रा नहीं लेता',
    figures: { unit: 'count', actual: 'मात्रा', limit: 'अधिकतम' },
  },
  symbol_cap: { you: 'इस शेयर की हमारी आज की सीमा पूरी हो गई' },
  insufficient_funds: {
    you: 'पर्याप्त राशि उपलब्ध नहीं',
    figures: { unit: 'money', actual: 'चाहिए', limit: 'उपलब्ध' },
  },
  breaker_open: { you: 'बहुत से ऑर्डर विफल हो रहे थे, इसलिए हमने भेजना रोक दिया' },
  not_sent_in_time: { you: 'यह समय पर नहीं भेजा जा सका' },
  venue_rejected: { you: 'ब्रोकर ने मना किया' },
  venue_canceled: { you: 'ब्रोकर ने रद्द किया' },
  venue_expired: { you: 'दिन के साथ बिना पूरा हुए समाप्त हुआ' },
  never_reached_venue: { you: 'यह ब्रोकर तक नहीं पहुँचा' },
};

function reasonInHindi(reason: string, limit: string | null, actual: string | null): string {
  const clause = Object.hasOwn(clauses, reason) ? clauses[reason] : undefined;
  if (!clause) return reason.replaceAll('_', ' ');
  // Without today's figure the limit may not have been reached at all.
  const unmeasured = reason === 'daily_loss_limit' && actual === null;
  const you = unmeasured ? 'आज का नतीजा पता नहीं, इसलिए नुकसान की सीमा जाँची नहीं जा सकी' : clause.you;
  if (!clause.figures) return you;
  const { unit, actual: before, limit: beforeLimit } = clause.figures;
  const figures = [
    actual === null ? null : `${before} ${reasonFigure(unit, actual)}`,
    limit === null ? null : `${beforeLimit} ${reasonFigure(unit, limit)}`,
  ].filter((text) => text !== null);
  return figures.length === 0 ? you : `${you} (${figures.join(', ')})`;
}

function restWas(rest: boolean): string {
  return rest ? 'बाकी ' : '';
}

function after(why: string): string {
  return why ? `: ${why}` : '';
}

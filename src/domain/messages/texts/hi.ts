// Every sentence of the messages, in Hindi.
import type { MessageTexts } from './message-texts.ts';
import { decisionReason, orderReason } from './reason-clause.ts';
import { hindiReasons } from './reasons-hi.ts';

/** The Hindi words of a summary. The terms are those Indian brokers use in their Hindi messages. */
export const hindi: MessageTexts = {
  months: ['जन', 'फ़र', 'मार्च', 'अप्रैल', 'मई', 'जून', 'जुल', 'अग', 'सित', 'अक्टू', 'नव', 'दिस'],
  hello: (name) => `नमस्ते ${name}`,
  there: 'जी',
  paper: 'पेपर ट्रेडिंग: असली पैसा नहीं',
  signalPrices: 'सिग्नल के अपने भाव पर: कोई भाव नहीं दिए गए थे',
  correction: 'सुधार: यह हमारे पिछले संदेश की जगह लेता है',
  singleOrders: {
    placed: (ways) => `ऑर्डर दिए गए: ${ways.join(', ')}`,
    withOwnKey: (name) => `आपकी अपनी कुंजी “${name}” से`,
    withOwnLogin: 'आपके अपने लॉगिन से',
    byOperator: 'आपके ऑपरेटर द्वारा',
    count: (orders) => `${orders} ऑर्डर`,
    notYou:
      'यह आपने नहीं किया, या आप सहमत नहीं थे? जो आपके लिए daily-scan चलाते हैं, उन्हें तुरंत बताएँ: वे कुंजी बदल सकते हैं और आपकी ट्रेडिंग रोक सकते हैं',
  },
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
  partOf: (quantity, ordered) => `${ordered} में से ${quantity}`,
  margin: (amount) => ` (मार्जिन ${amount})`,
  exits: (stop, target) =>
    `; ऑर्डर नहीं दिए: ${[stop && `स्टॉप ${stop}`, target && `लक्ष्य ${target}`].filter(Boolean).join(', ')}`,
  profit: (amount) => ` (लाभ ${amount})`,
  loss: (amount) => ` (हानि ${amount})`,
  names: (shown, more) => `${shown.join(', ')}${more > 0 ? ` और ${more} अन्य` : ''}`,
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
  rejected: (rest, brokerText, why) =>
    `${restWas(rest)}ब्रोकर ने अस्वीकार किया${brokerText ? `: "${brokerText}"` : after(why)}`,
  canceled: (rest, why) => `${restWas(rest)}रद्द हुआ${after(why)}`,
  expired: (rest, why) =>
    `${restWas(rest)}${why ? `समाप्त हुआ${after(why)}` : 'समय पर पूरा नहीं हुआ, इसलिए ऑर्डर समाप्त हो गया'}`,
  reason: (reason, limit, actual, currency) => decisionReason(hindiReasons, reason, limit, actual, currency),
  orderReason: (reason) => orderReason(hindiReasons, reason),
  notPlaced: (why) => `ऑर्डर नहीं दिया गया${after(why)}`,
  totalTitle: 'कुल',
  total: (bought, sold, signals) => `${signals} में से ${bought} सिग्नल पर खरीदा${sold > 0 ? `, ${sold} पर बेचा` : ''}`,
  figures: { spent: 'खर्च', margin: 'मार्जिन', soldFor: 'बिक्री', charges: 'शुल्क', cash: 'उपलब्ध राशि' },
  notConcerned(notHeld, notFollowed) {
    const clauses = [
      ...(notHeld > 0 ? [`${notHeld} ऐसे शेयर बेचने के, जो आपके पास नहीं`] : []),
      ...(notFollowed > 0 ? [`${notFollowed} उन रणनीतियों के, जो आप नहीं अपनाते`] : []),
    ];
    return ` (${clauses.join(', ')})`;
  },
  more: (count) => `+${count} और`,
};

function restWas(rest: boolean): string {
  return rest ? 'बाकी ' : '';
}

function after(why: string): string {
  return why ? `: ${why}` : '';
}

// Recognises STOP and START, in English and Hindi, in what a user writes.
/** The words Twilio itself listens to (its default opt-out and opt-in keywords), and how Indian users write the same. */
const stopWords = [
  ...['stop', 'stopall', 'stop all', 'unsubscribe', 'cancel', 'end', 'quit', 'revoke', 'optout', 'opt out'],
  ...phrases(['बंद', 'बन्द', 'रोक'], ['', 'करें', 'करे', 'करो', 'करिए', 'कर दो', 'कर दें', 'कर दीजिए', 'दो', 'दें']),
  ...phrases(['band'], ['', 'karo', 'kare', 'karen', 'karein', 'kijiye', 'kar do']),
  ...['रोकें', 'रोके', 'रोको', 'रोकिए', 'रुको', 'रुकें', 'स्टॉप', 'roko', 'ruko', 'rok do'],
];
const startWords = [
  ...['start', 'unstop', 'yes', 'optin', 'opt in', 'subscribe'],
  ...phrases(['शुरू', 'शुरु', 'चालू', 'चालु'], ['', 'करें', 'करे', 'करो', 'करिए', 'कर दो', 'कर दें', 'कर दीजिए']),
  ...phrases(['shuru', 'chalu'], ['', 'karo', 'kare', 'karen', 'karein', 'kijiye', 'kar do']),
  ...['हाँ', 'हां', 'स्टार्ट', 'haan'],
];
const politeness = new Set(['please', 'pls', 'plz', 'कृपया', 'प्लीज', 'kripya'].map(plain));

const stops = new Set(stopWords.map(plain));
const starts = new Set(startWords.map(plain));

/**
 * Whether a message that came in says stop or start, and nothing else: however it is spelled, dressed in punctuation or
 * typed with a full-width keyboard, and with a please around it. A sentence that merely contains the word says neither.
 */
export function consentIn(text: string): 'stop' | 'start' | null {
  const phrase = plain(text)
    .split(' ')
    .filter((word) => !politeness.has(word))
    .join(' ');
  if (stops.has(phrase)) return 'stop';
  return starts.has(phrase) ? 'start' : null;
}

/**
 * One spelling of what may be written in many: compatibility forms folded (NFKC), small letters, no marks that only
 * change how a letter is dotted (nukta), punctuation, symbols and invisible characters as spaces.
 */
function plain(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/[\u093c\u200b-\u200d\ufeff]/g, '')
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{P}\p{S}\p{C}\s]+/gu, ' ')
    .trim();
}

function phrases(words: readonly string[], endings: readonly string[]): string[] {
  return words.flatMap((word) => endings.map((ending) => `${word} ${ending}`));
}

import { describe, expect, test } from 'vitest';
import { consentIn } from '../../../src/domain/messages/consent.ts';

describe('what somebody writes to us', () => {
  test.each([
    ...[
      'STOP',
      'stop',
      ' Stop. ',
      '"STOP!!"',
      'ＳＴＯＰ',
      'ｓｔｏｐ！',
      'st\u200bop',
      'STOP\n',
      'STOP 🛑',
      'Please stop',
      'stop pls',
    ],
    ...[
      'STOPALL',
      'Stop All',
      'STOP-ALL',
      'UNSUBSCRIBE',
      'Cancel',
      'END',
      'Quit',
      'REVOKE',
      'revoke.',
      'OPTOUT',
      'opt-out',
      'Opt  Out',
    ],
    ...['बंद', 'बन्द करो', 'बंद करें।', 'बंद कर दीजिए', 'रोकें', 'रोको!', 'रोक दो', 'कृपया बंद करें', 'स्टॉप', 'प्लीज़ रोकें'],
    ...['band karo', 'Band Kar Do', 'roko', 'kripya band kare'],
  ])('%j is a stop', (text) => {
    expect(consentIn(text)).toBe('stop');
  });

  test.each([
    ...['START', 'start!', 'ＳＴＡＲＴ', 'Unstop', 'YES', 'yes please', 'opt-in', 'OPTIN', 'Subscribe'],
    ...['शुरू', 'शुरु करो', 'शुरू करें।', 'चालू', 'चालू कर दो', 'हाँ', 'स्टार्ट', 'shuru karo', 'Chalu'],
  ])('%j is a start', (text) => {
    expect(consentIn(text)).toBe('start');
  });

  test.each([
    ...[
      '',
      '   ',
      '🛑',
      'please',
      'Please stop buying TITAN',
      'stop loss?',
      'Can I stop this?',
      'non-stop',
      'do not stop',
    ],
    ...['the end of the day', 'yes but no', 'cancel my order', 'start stop', 'what is band karo', 'stops', 'restart'],
    ...['TITAN क्यों बंद है?', 'बाज़ार कब बंद होगा', 'मत रोको', 'शुरू कब होगा'],
  ])('%j is neither', (text) => {
    expect(consentIn(text)).toBeNull();
  });
});

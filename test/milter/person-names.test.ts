import { expect, test } from 'vitest';
import { namesPerson } from '../../services/milter/person-names.ts';

test.each([
  ['Ada Lovelace', 'Ada Lovelaces Büro', true],
  ['Ada Lovelace', 'Büro Ada Lovelaces', true],
  ['Ada Lovelace', 'ADALOVELACECEO', true],
  ['Ada Lovelace', 'ceo-adalovelace2026', true],
  ['Ada Lovelace', 'ADALovelace', true],
  ['Ada Lovelace', 'CEOAda Lovelace', true],
  ['Ada Lovelace', 'Ada Lov3lace', true],
  ['Ada Lovelace', '4d@ Love1ace', true],
  ['Ada Lovelace', '∀da Lov∊lace', true],
  ['Ada Lovelace', 'Ad4 Lov31ac3', true],
  ['Ada Lovelace', 'Ada Lovelac3', true],
  ['Ada Lovelace', '₳da £ovelace', true],
  ['Ada Lovelace', 'Ada L()\\/elace', true],
  ['Ada Lovelace', 'Ada Lovelake3', false],
  ['Iris Vim', '1r1s V!m', true],
  ['Jürgen Müller', 'Juergen Mueller', true],
  ['Juergen Mueller', 'Ju\u0308rgen Mu\u0308ller, Leitung', true],
  ['Jürgen Müller', 'JUERGEN MUELLER', true],
  ['Søren Groß', 'Soeren Gross', true],
  ['Ludwig van Beethoven', 'Ludwig Beethoven', true],
  ['山田太郎', '山田太郎社長', true],
  ['山田 太郎', '山田太郎（社長）', true],
  ['王伟', '王伟 CEO', true],
  ['김철수', '대표이사 김철수', true],
  ['Иван Петров', 'Ивaн Пeтpoв', true],
  ['Voltaire', 'Voltaire', true],
  ['Voltaire', 'Voltaire Books', false],
  ['王伟', '国王伟大', false],
  ['Anna Schmidt', 'joannaschmidt', false],
  ['Anna Schmidt', 'Anna Schmidtke', false],
  ['Anna Peter', 'Anna Peters', false],
  ['Sam Noel', 'Sam Nol', false],
  ['Anna Maria Rossi', 'Anna Maria Bianchi', false],
  ['Ada Love', 'Adalovely Offers', false],
  ['---', 'anything', false],
  // Of three words the first and the last will do, of two neither alone.
  ['Ada Lovelace', 'Ada', false],
  ['Ada Lovelace', 'Ada King Lovelace', true],
  ['Ada Byron Lovelace', 'Ada Byron', false],
  // How a letter is spelled begins as the letter does: "MeyerOeztuerk" are two words.
  ['Öztürk Aydın', 'MEYEROeztuerk Aydın', true],
  ['Aydın Oeztuerk', 'AydınÖztürk', true],
  ['Ää Öö', 'AeaeOeoe', true],
  // Words that are together in a longer one are others, unless they are long.
  ['Ann Lee', 'annlee', true],
  ['Ann Lee', 'Annlee Smith', false],
  ['Anna Smith', 'annasmith Office', true],
  ['Ann Lees', 'annlees Office', false],
  ['Ann Lee', 'A nn Lee Office', true],
  ['Anna Peter', 'annapeter Office', true],
  ['Ann Peter', 'annpeter Office', false],
  ['Ann Lee', 'an nlee Office', true],
  ['Ann Lee', 'Office annlee', false],
  // A letter is spelled as it is written: a small one begins no word, a large one does.
  ['Kjær', 'Kj Aer Books', false],
  ['AydınÖztürk', 'Oeztuerk Aydın', true],
  // Titles are attached to words of four letters and more.
  ['Noel Carr', 'Noelceo Carr x', true],
  ['Noe Carr', 'Noeceo Carr x', false],
  ['Noel Carr', 'ceonoel ceocarr', true],
  ['Noel Carr', 'xnoelceo carr', false],
  ['Noel Carr', 'noelceox carr', false],
  ['Noel Carr', 'noelnoelceo carr', false],
  ['Noel Carr', 'noelceomr Carr x', true],
  ['Oooo Carr', 'ceooooo Carr x', true],
  ['太郎', '山太郎', false],
  ['山太郎', '国山太郎', true],
  // A name may begin wherever a part of a text does.
  ['Ada Lovelace', `${'x '.repeat(60)}Ada Lovelace ${'x '.repeat(60)}`, true],
  ['Ada Lovelace', `${'x '.repeat(122)}Ada Lovelace ${'x '.repeat(60)}`, true],
  ['Ada Lovelace', `${'x '.repeat(180)}Ada Lovelace`, true],
  [`Ada ${'b'.repeat(126)}`, `${'x '.repeat(64)}Ada ${'b'.repeat(126)}`, true],
  // The last part of a text goes to its end.
  ['Anna Schmidt', `${'x '.repeat(63)}joannaschmidt`, false],
  // A digit that stands for a letter stands beside one.
  ['Bao Esa', '8ao E5a', true],
  ['Sos Els', '5 0 5 3 1 5', false],
])('%s: %s: %s', (name, shown, expected) => {
  expect(namesPerson(shown, name)).toBe(expected);
});

test('titles that are heaped upon each other are looked at in no time that grows beyond their length', () => {
  expect(namesPerson(`adalovelacex${'ceomrmrsmiss'.repeat(600)}`, 'Ada Lovelace')).toBe(false);
});

/** What receivers write for people, by language. */
export const TEXTS: Record<string, readonly string[]> = {
  en: ['body hash did not verify', 'no key for signature', 'domain of sender designates 192.0.2.7 as permitted', 'ok'],
  nb: ['nøkkelen finnes ikke i DNS', 'avsenderen er på listen', 'signaturen er for gammel – må fornyes', 'godkjent, så langt'],
  de: ['Schlüssel nicht gefunden', 'Größe überschritten', 'Absender für diese Adresse zugelassen', 'Prüfung übersprungen: ß'],
  fr: ['l’empreinte du corps ne correspond pas', 'clé « absente » – réessayer', 'coût : 0,02 € par requête', 'œuvre signée'],
  ja: ['本文のハッシュが一致しません', '鍵が見つかりません', '転送されたメール', 'SPFレコードなし'],
  ru: ['ключ не найден в DNS', 'Подпись просрочена', 'хеш тела не совпал', 'ОК, адрес разрешён'],
  ko: ['서명 키를 찾을 수 없음', '본문 해시 불일치', '허용된 발신자', '전달된 메일 📧'],
  es: ['la firma caducó', 'clave no encontrada: ¿se retiró?', 'remitente válido según el año pasado', '¡correcto!'],
  ar: ['المفتاح غير موجود', 'التوقيع منتهي الصلاحية', 'المرسل مسموح به', 'אין מפתח (he)'],
  zh: ['正文哈希不匹配', '未找到密钥', '发件人已授权', '𠮷野家的签名已过期'],
  el: ['το κλειδί δεν βρέθηκε', 'η υπογραφή έληξε', 'εγκεκριμένος αποστολέας', 'Ελλάδα'],
  hi: ['कुंजी नहीं मिली', 'हस्ताक्षर समाप्त', 'प्रेषक की अनुमति है', 'ठीक'],
};

/** Texts that are easily read wrong, in ASCII so that every encoding has them. */
export const TRICKY: readonly string[] = [
  'key "s1" isn\'t <found> & not cached',
  'literal &amp; and &#65; and &lt;b&gt; as they stand',
  'a ]]> b, ]] > c',
  '</record><record>',
  '<!-- no comment --> <?no pi?>',
  '0',
  'null',
  'https://example.net/why?d=example.com&r=<fail>',
  'x'.repeat(250),
];

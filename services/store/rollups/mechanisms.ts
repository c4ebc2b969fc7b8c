/**
 * SQL: conditions on the authentication results of a record `r` in a report `p`. Each begins with a cheap
 * comparison that is false for nearly all mail, as they are evaluated for every record that is stored.
 */

/** Whether a name is the report's domain, below it, or above it. */
const isOwnName = (name: string, report: string) =>
  `(${name} = ${report}.domain or right(${name}, length(${report}.domain) + 1) = '.' || ${report}.domain
    or (position('.' in ${name}) > 0 and right(${report}.domain, length(${name}) + 1) = '.' || ${name}))`;

/**
 * Whether a signature of the domain's own is there and does not verify, and no other of its own does: a key
 * that is gone, or a relay that changed the mail. Mail without any signature is another matter.
 */
export const brokenSignature = (record: string, report: string) =>
  `(not ${record}.dkim_aligned and ${report}.domain <> '' and jsonb_typeof(${record}.auth -> 'dkim') = 'array'
    and exists (select from jsonb_array_elements(${record}.auth -> 'dkim') d
                 where coalesce(d ->> 'result', 'none') not in ('pass', 'none') and ${isOwnName("lower(d ->> 'domain')", report)}))`;

/** First labels of envelope domains that mailing lists and forwarders use, and no mail service does. */
const LIST_LABELS =
  '^(lists?[0-9]*|listes|listas|listen|listserv|listserver|mailman[0-9]*|mailinglists?|maillist|majordomo|sympa|googlegroups|groups|ml|srs[0-9]*|fwd|forward|forwarder|forwarding|alumni)[.]';

/**
 * Whether the envelope, or a signature of somebody else, is a mailing list's or a forwarder's by its name.
 */
export const listEnvelope = (record: string) =>
  `(not (${record}.dkim_aligned or ${record}.spf_aligned) and (${record}.foreign_spf is not null or ${record}.foreign_dkim is not null) and (
     lower(coalesce(${record}.envelope_from, '')) ~ '${LIST_LABELS}'
     or exists (select from jsonb_path_query(${record}.auth, '$.*[*] ? (@.result == "pass").domain') n
                 where lower(n #>> '{}') ~ '${LIST_LABELS}')))`;

/**
 * `permerror` or `temperror` when the SPF record of the domain's own return path could not be evaluated; null
 * otherwise. (RFC 7208 sections 2.6.6 and 2.6.7.)
 */
export const spfError = (record: string, report: string) =>
  `(case when not ${record}.spf_aligned and ${report}.domain <> '' and jsonb_typeof(${record}.auth -> 'spf') = 'array' then (
     select min(s ->> 'result') from jsonb_array_elements(${record}.auth -> 'spf') s
      where s ->> 'result' in ('permerror', 'temperror') and coalesce(s ->> 'scope', 'mfrom') <> 'helo'
        and ${isOwnName("lower(s ->> 'domain')", report)}) end)`;

import { SettingsError } from '../errors.ts';
import { escaped } from '../escape.ts';

/** How a mail server is reached. */
export interface SmtpSettings {
  host: string;
  port: number;
  secure: boolean;
  requireTLS: boolean;
  ignoreTLS: boolean;
  auth?: { user: string; pass: string };
  tls: { rejectUnauthorized: boolean };
}

/**
 * smtps:// is TLS from the first byte, smtp:// must upgrade by STARTTLS, smtp://…?tls=none stays plain (a
 * relay on this machine, tests). `?tls_verify=no` accepts a certificate of the server's own making.
 * @throws SettingsError that never shows the URL
 */
export function smtpSettings(smtpUrl: string, setting = 'SMTP_URL'): SmtpSettings {
  const url = URL.canParse(smtpUrl) ? new URL(smtpUrl) : null;
  if (url === null || (url.protocol !== 'smtp:' && url.protocol !== 'smtps:') || url.hostname === '') {
    throw new SettingsError(`${setting} must be an SMTP URL, such as smtps://user:password@host (it is not shown here).`);
  }
  for (const [key, value] of url.searchParams) {
    if (key === 'tls' ? value !== 'none' || url.protocol === 'smtps:' : key !== 'tls_verify' || !/^(yes|no)$/.test(value)) {
      throw new SettingsError(
        `${setting} has an option that is not known, "${escaped(key).slice(0, 30)}": there are tls=none (with smtp://) and tls_verify=no.`,
      );
    }
  }
  const secure = url.protocol === 'smtps:';
  const plain = url.searchParams.get('tls') === 'none';
  const user = decoded(url.username, setting);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 465 : plain ? 25 : 587) : Number(url.port),
    secure,
    requireTLS: !secure && !plain,
    ignoreTLS: plain,
    ...(user === '' ? {} : { auth: { user, pass: decoded(url.password, setting) } }),
    tls: { rejectUnauthorized: url.searchParams.get('tls_verify') !== 'no' },
  };
}

function decoded(part: string, setting: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    throw new SettingsError(`${setting} has a % in its user or password that must be written %25.`, error);
  }
}

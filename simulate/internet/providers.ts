import type { Random } from '../../demo/random.ts';

/**
 * Who runs mail servers on the internet, from what they publish: SPF records (`include`), help pages, PTR
 * records, RIR data. Nothing here comes from data/senders.json: what the program knows is another matter.
 */
export interface Provider {
  name: string;
  /** Networks that its SPF record or documentation lists; addresses are drawn from them. */
  v4: readonly string[];
  v6?: readonly string[];
  asn: number;
  owner: string;
  /** The reverse name of an address; null where there is none. */
  reverse: (ip: string, random: Random) => string | null;
  /** Its own signing domain, put beside or in place of the customer's. */
  signer?: string;
  /** The customer's selector. */
  selectors: readonly string[];
  /** Its own bounce domain, while the customer has set up none. */
  bounce?: string;
  /** Label below the customer's domain that serves as return path. Absent: the domain itself. */
  returnLabel?: (random: Random) => string;
  /** The pages the facts are from. */
  source: string;
}

const dashed = (ip: string) => ip.replaceAll(/[.:]/g, '-');
const label = (random: Random, length = 8) => Array.from({ length }, () => 'abcdefghjkmnpqrstuvwxz'[random.int(0, 21)]).join('');

export const PROVIDERS = {
  microsoft365: {
    name: 'Microsoft 365',
    v4: ['40.92.0.0/15', '40.107.0.0/16', '52.100.0.0/15', '52.102.0.0/16', '52.103.0.0/17', '104.47.0.0/17'],
    v6: ['2a01:111:f400::/48', '2a01:111:f403::/49'],
    asn: 8075,
    owner: 'MICROSOFT-CORP-MSN-AS-BLOCK',
    reverse: (_, random) =>
      `mail-${label(random, 6)}${random.int(10, 99)}on${random.int(2000, 2140)}.outbound.protection.outlook.com`,
    selectors: ['selector1', 'selector2'],
    source: 'SPF of spf.protection.outlook.com; https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges',
  },
  google: {
    name: 'Google Workspace',
    v4: ['209.85.128.0/17'],
    v6: ['2607:f8b0:4864:20::/64', '2a00:1450:4864:20::/64'],
    asn: 15169,
    owner: 'GOOGLE',
    reverse: (_, random) => `mail-${label(random, 2)}1-f${random.int(40, 60)}.google.com`,
    selectors: ['google'],
    source: 'SPF of _netblocks.google.com; https://support.google.com/a/answer/60764',
  },
  sendgrid: {
    name: 'SendGrid',
    v4: ['167.89.0.0/17', '168.245.0.0/17', '149.72.0.0/16', '159.183.0.0/16', '198.37.144.0/20'],
    asn: 11377,
    owner: 'SENDGRID',
    reverse: (_, random) => `${label(random)}.outbound-mail.sendgrid.net`,
    signer: 'sendgrid.net',
    selectors: ['s1', 's2'],
    bounce: 'sendgrid.net',
    returnLabel: (random) => `em${random.int(100, 9999)}`,
    source:
      'SPF of sendgrid.net; https://www.twilio.com/docs/sendgrid/ui/account-and-settings/how-to-set-up-domain-authentication',
  },
  mailgun: {
    name: 'Mailgun',
    v4: ['69.72.32.0/20', '141.193.32.0/23', '161.38.192.0/20', '143.55.224.0/20', '159.135.224.0/20'],
    asn: 396479,
    owner: 'MAILGUN-ASN',
    reverse: (ip) => `m${ip.split('.')[2]}-${ip.split('.')[3]}.mailgun.net`,
    signer: 'mailgun.org',
    selectors: ['pic', 'mx', 'k1', 'smtp'],
    bounce: 'mailgun.org',
    returnLabel: (random) => random.pick(['mg', 'email', 'mail']),
    source: 'SPF of mailgun.org; https://documentation.mailgun.com/docs/mailgun/user-manual/domains/domains-verify',
  },
  ses: {
    name: 'Amazon SES',
    v4: ['54.240.0.0/18', '69.169.224.0/20', '23.251.224.0/19', '76.223.176.0/20'],
    asn: 14618,
    owner: 'AMAZON-AES',
    reverse: (ip, random) => `a${random.int(1, 99)}-${ip.split('.')[3]}.smtp-out.${random.pick(['', 'eu-west-1.'])}amazonses.com`,
    signer: 'amazonses.com',
    selectors: ['hyk7wq2m3nbh4cqmxg6dyvbbawo2k4xj', 'p3rf6tn5llzjkq2dndy7hbqtzc4m6j5s'],
    bounce: 'eu-west-1.amazonses.com',
    returnLabel: (random) => random.pick(['bounce', 'mail', 'ses']),
    source: 'SPF of amazonses.com; https://docs.aws.amazon.com/ses/latest/dg/mail-from.html',
  },
  mailchimp: {
    name: 'Mailchimp',
    v4: ['205.201.128.0/20', '198.2.128.0/18', '148.105.0.0/16'],
    asn: 14782,
    owner: 'THEROCKETSCIENCEGROUP',
    reverse: (_, random) => `mail${random.int(1, 250)}.${random.pick(['atl81', 'suw17', 'wdc02'])}.rsgsv.net`,
    signer: 'mailchimpapp.net',
    selectors: ['k1', 'k2', 'k3'],
    bounce: 'mail142.atl81.rsgsv.net',
    source: 'SPF of servers.mcsv.net; https://mailchimp.com/help/about-mailchimp-s-ip-addresses',
  },
  brevo: {
    name: 'Brevo',
    v4: ['185.41.28.0/22', '77.32.128.0/18', '1.179.112.0/20', '172.246.240.0/20'],
    asn: 200484,
    owner: 'SENDINBLUE',
    reverse: (_, random) => `${label(random, 2)}.d.sender-sib.com`,
    signer: 'sendinblue.com',
    selectors: ['mail', 'brevo1', 'brevo2'],
    bounce: 'bc.d.sender-sib.com',
    source: 'SPF of spf.brevo.com; https://help.brevo.com/hc/articles/208848409',
  },
  mailjet: {
    name: 'Mailjet',
    v4: ['87.253.232.0/21', '185.189.236.0/22', '185.211.120.0/22', '185.250.236.0/22'],
    asn: 200069,
    owner: 'MAILJET',
    reverse: (ip, random) => `o${ip.split('.')[3]}.p${random.int(8, 40)}.mailjet.com`,
    signer: 'bnc3.mailjet.com',
    selectors: ['mailjet'],
    bounce: 'bnc3.mailjet.com',
    source: 'SPF of spf.mailjet.com',
  },
  postmark: {
    name: 'Postmark',
    v4: ['50.31.156.96/27', '104.245.209.192/26', '50.31.205.0/24'],
    asn: 23352,
    owner: 'SERVERCENTRAL',
    reverse: (_, random) => `sc-ord-mta${random.int(1, 130)}.mtasv.net`,
    signer: 'pm.mtasv.net',
    selectors: ['20260114091500pm', '20250602083000pm'],
    bounce: 'pm.mtasv.net',
    returnLabel: () => 'pm-bounces',
    source: 'SPF of spf.mtasv.net; https://postmarkapp.com/support/article/800-ips-for-firewalls',
  },
  sparkpost: {
    name: 'SparkPost',
    v4: ['147.253.208.0/20', '168.203.32.0/20'],
    asn: 16509,
    owner: 'AMAZON-02',
    reverse: (ip) => `mta-${ip.split('.').slice(2).join('-')}.sparkpostmail.com`,
    signer: 'sparkpostmail.com',
    selectors: ['scph0126', 'scph0825'],
    bounce: 'mail.sparkpostmail.com',
    returnLabel: () => 'bounces',
    source: 'SPF of sparkpostmail.com; https://support.sparkpost.com/docs/deliverability/sending-ips',
  },
  zendesk: {
    name: 'Zendesk',
    v4: ['188.172.128.0/20', '192.161.144.0/20', '216.198.0.0/18'],
    asn: 21880,
    owner: 'ZENDESK',
    reverse: (_, random) => `outbyoip${random.int(1, 12)}.pod${random.int(13, 28)}.euw1.zdsys.com`,
    signer: 'zendesk.com',
    selectors: ['zendesk1', 'zendesk2'],
    bounce: 'pod18.zendesk.com',
    source: 'SPF of mail.zendesk.com; https://support.zendesk.com/hc/articles/4408838961562',
  },
  hubspot: {
    name: 'HubSpot',
    v4: ['158.247.16.0/20', '3.93.157.0/24', '108.179.144.0/20', '143.244.80.0/20'],
    asn: 14618,
    owner: 'AMAZON-AES',
    reverse: (_, random) => `bid${random.int(1, 60)}.bf0${random.int(1, 9)}.hubspotemail.net`,
    signer: 'hubspotemail.net',
    selectors: ['hs1-24681012', 'hs2-24681012'],
    bounce: 'bf04.hubspotemail.net',
    source: 'https://knowledge.hubspot.com/marketing-email/manage-email-authentication-in-hubspot',
  },
  salesforce: {
    name: 'Salesforce',
    v4: ['13.110.208.0/21', '13.110.224.0/20', '96.43.144.0/20', '136.147.128.0/20'],
    asn: 14340,
    owner: 'SALESFORCE',
    reverse: (_, random) => `smtp${random.int(1, 20)}-${label(random, 3)}-sp${random.int(1, 4)}.mta.salesforce.com`,
    selectors: ['sf1', 'salesforce2025'],
    bounce: 'bnc.salesforce.com',
    source: 'SPF of _spf.salesforce.com',
  },
  proofpoint: {
    name: 'Proofpoint',
    v4: ['148.163.128.0/19', '67.231.144.0/20', '205.220.160.0/19', '185.132.180.0/22'],
    asn: 22843,
    owner: 'PROOFPOINT-ASN',
    reverse: (_, random) => `mx0${random.pick(['a', 'b'])}-00${random.int(100_000, 999_999)}.pphosted.com`,
    selectors: ['pp1', 'selector1'],
    source: 'SPF of spf-00000000.pphosted.com; https://help.proofpoint.com',
  },
  mimecast: {
    name: 'Mimecast',
    v4: ['195.130.217.0/24', '91.220.42.0/24', '185.58.84.0/22', '207.211.30.0/24', '170.10.128.0/22'],
    asn: 30031,
    owner: 'MIMECAST',
    reverse: (ip, random) => `${random.pick(['eu', 'us'])}-smtp-delivery-${ip.split('.')[3]}.mimecast.com`,
    selectors: ['mimecast20260101'],
    source: 'SPF of _netblocks.mimecast.com; https://mimecastsupport.zendesk.com',
  },
  kundenserver: {
    name: 'IONOS shared hosting',
    v4: ['212.227.126.128/25', '212.227.17.0/25', '217.72.192.64/26', '212.227.15.0/25'],
    asn: 8560,
    owner: 'IONOS-AS',
    reverse: () => 'mout.kundenserver.de',
    selectors: ['s1-ionos', 's2-ionos'],
    source: 'SPF of _spf-eu.ionos.com; https://www.ionos.com/help/domains/configuring-mail-servers-and-other-related-records',
  },
  kasserver: {
    name: 'All-Inkl shared hosting',
    v4: ['85.13.128.0/18'],
    asn: 34788,
    owner: 'NMM-AS',
    reverse: (ip) => `dd${ip.split('.')[2]}${ip.split('.')[3]}.kasserver.com`,
    selectors: ['kas202508251337'],
    source: 'SPF of spf.kasserver.com',
  },
  ovh: {
    name: 'OVH web hosting',
    v4: ['188.165.32.0/19', '46.105.32.0/19', '178.32.96.0/19'],
    asn: 16276,
    owner: 'OVH',
    reverse: (ip, random) => `${random.int(1, 9)}.mo${ip.split('.')[3]}.mail-out.ovh.net`,
    selectors: ['ovhmo3617313-selector1'],
    source: 'SPF of mx.ovh.com',
  },
  /** A rented server: its customer sets the reverse name, before that the generic one holds. */
  hetzner: {
    name: 'a server at Hetzner',
    v4: ['116.202.0.0/15', '88.198.0.0/16', '78.46.0.0/15', '157.90.0.0/16'],
    v6: ['2a01:4f8::/32'],
    asn: 24940,
    owner: 'HETZNER-AS',
    reverse: (ip) => (ip.includes(':') ? null : `static.${ip.split('.').reverse().join('.')}.clients.your-server.de`),
    selectors: ['mail', 'default', 'dkim', '2025'],
    source: 'https://docs.hetzner.com/cloud/servers/faq (generic PTR)',
  },
  digitalocean: {
    name: 'a server at DigitalOcean',
    v4: ['159.65.0.0/16', '167.99.0.0/16', '138.68.0.0/16', '64.225.0.0/17'],
    v6: ['2604:a880::/32'],
    asn: 14061,
    owner: 'DIGITALOCEAN-ASN',
    reverse: () => null,
    selectors: ['mail', 'default', 'dkim'],
    source: 'https://docs.digitalocean.com/platform/faq (no PTR until the droplet is named)',
  },
  ec2: {
    name: 'a server at AWS EC2',
    v4: ['3.120.0.0/14', '18.184.0.0/15', '52.28.0.0/16', '34.240.0.0/13'],
    asn: 16509,
    owner: 'AMAZON-02',
    reverse: (ip) => `ec2-${dashed(ip)}.eu-central-1.compute.amazonaws.com`,
    selectors: ['mail', 'default'],
    source: 'https://ip-ranges.amazonaws.com/ip-ranges.json',
  },
  office: {
    name: 'a business line',
    v4: ['80.149.0.0/16', '212.202.0.0/16', '217.5.0.0/16', '62.154.0.0/16'],
    asn: 3320,
    owner: 'DTAG',
    reverse: (ip) =>
      `p${ip
        .split('.')
        .map((n) => Number(n).toString(16).padStart(2, '0'))
        .join('')}.dip0.t-ipconnect.de`,
    selectors: ['mail', 'mx', 'default'],
    source: 'RIPE NCC, AS3320',
  },
} as const satisfies Record<string, Provider>;

export type ProviderName = keyof typeof PROVIDERS;
export const provider = (name: ProviderName): Provider => PROVIDERS[name];

/** Networks where infected machines are, with the names their providers give them. */
export const RESIDENTIAL: readonly Pick<Provider, 'v4' | 'asn' | 'owner' | 'reverse'>[] = [
  { v4: ['73.0.0.0/8'], asn: 7922, owner: 'COMCAST-7922', reverse: (ip) => `c-${dashed(ip)}.hsd1.il.comcast.net` },
  { v4: ['71.160.0.0/11'], asn: 701, owner: 'UUNET', reverse: (ip) => `pool-${dashed(ip)}.nycmny.fios.verizon.net` },
  { v4: ['187.128.0.0/10'], asn: 8151, owner: 'UNINET', reverse: (ip) => `dsl-${dashed(ip)}-dyn.prod-infinitum.com.mx` },
  { v4: ['113.160.0.0/11'], asn: 45899, owner: 'VNPT-AS-VN', reverse: () => 'static.vnpt.vn' },
  { v4: ['117.192.0.0/10'], asn: 9829, owner: 'BSNL-NIB', reverse: () => null },
  { v4: ['177.0.0.0/10'], asn: 8167, owner: 'V tal', reverse: (ip) => `${dashed(ip)}.user3p.v-tal.net.br` },
  { v4: ['41.96.0.0/12'], asn: 36947, owner: 'ALGTEL-AS', reverse: () => null },
  { v4: ['95.24.0.0/13'], asn: 8402, owner: 'CORBINA-AS', reverse: (ip) => `${dashed(ip)}.broadband.corbina.ru` },
  { v4: ['78.160.0.0/11'], asn: 9121, owner: 'TTNET', reverse: (ip) => `${ip}.dynamic.ttnet.com.tr` },
  { v4: ['36.64.0.0/11'], asn: 7713, owner: 'TELKOMNET-AS-AP', reverse: () => null },
];

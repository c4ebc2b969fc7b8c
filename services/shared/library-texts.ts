const OPENSSL = /^\w*:?error:[0-9A-F]+:[^:]*:[^:]*:([^:]*)/;

/**
 * What texts of libraries and servers mean, as a part of a sentence ("… (TEXT): start it"). They speak of
 * their own options and parts, which nobody knows who only runs ruawatch. What is not listed stays as it is.
 */
const MEANINGS: readonly [RegExp, string | ((...found: string[]) => string | null)][] = [
  // pg, pg-pool
  [/^Connection terminated due to connection timeout$/, 'Postgres did not answer in time'],
  [/^timeout exceeded when trying to connect$/, 'Postgres did not answer in time, or all connections were in use'],
  [/^(?:Connection terminated(?: unexpectedly)?)$/, 'the connection to Postgres was lost'],
  [/^Client (?:has encountered a connection error|was closed) and is not queryable$/, 'the connection to Postgres was lost'],
  [/^timeout expired$/, 'Postgres did not answer in time'],
  [/^Query read timeout$/, 'Postgres did not answer a query in time'],
  [/^Cannot use a pool after calling end on the pool$/, 'ruawatch is stopping'],
  [/^The server does not support SSL connections$/, 'Postgres does not support SSL connections'],
  [/^SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string$/, 'Postgres demands a password, and the URL has none'],
  [/^There was an error establishing an SSL connection$/, 'what answers there is no Postgres'],
  // Postgres
  [/^terminating connection due to administrator command$/, 'Postgres was stopped, or an administrator ended the session'],
  [/^terminating connection because of crash of another server process$/, 'Postgres crashed and starts again'],
  [/^the database system is (?:starting up|in recovery mode|not yet accepting connections)$/, 'Postgres is starting'],
  [/^the database system is shutting down$/, 'Postgres is stopping'],
  [/^sorry, too many clients already$/, 'Postgres has no connection free (max_connections)'],
  [/^remaining connection slots are reserved for /, 'Postgres has no connection free (max_connections)'],
  [/^cannot execute [A-Z ]+ in a read-only transaction$/, 'Postgres is a standby or read-only, and changes nothing'],
  [/^canceling statement due to statement timeout$/, 'Postgres gave a query up (statement_timeout)'],
  [/^canceling statement due to lock timeout$/, 'Postgres waited too long for a lock (lock_timeout)'],
  [/^canceling statement due to user request$/, 'somebody cancelled the query in Postgres'],
  [/^(?:terminating connection|canceling statement) due to conflict with recovery$/, 'a standby of Postgres ended the query'],
  [/^terminating connection due to (?:idle-\S+|transaction) timeout$/, 'Postgres ended the session, which was idle too long'],
  [
    /^too many connections for (?:role|database) /,
    'Postgres allows this user or database no more connections (connection limit)',
  ],
  [
    /^database is not (?:accepting commands|accepting commands that assign)/,
    'Postgres must be vacuumed before it changes anything',
  ],
  [/^could not [a-z ]+file ".*": No space left on device$|: No space left on device$/, 'the disk of Postgres is full'],
  [/^out of memory$/, 'Postgres has no memory left'],
  [/^deadlock detected$/, 'two transactions in Postgres waited for each other'],
  // pgbouncer
  [/^(?:no more connections allowed|query_wait_timeout$)/, 'pgbouncer has no connection free'],
  [/^pgbouncer cannot connect to server$|^server login has been failing\b/, 'pgbouncer cannot reach Postgres'],
  [/^(?:server conn crashed\?|server closed the connection unexpectedly)$/, 'the connection to Postgres was lost'],
  [/^(?:the database system is|pgbouncer is|administrator command:? ).*\b(?:paused|shut)/i, 'pgbouncer is paused or stopping'],
  // ioredis, BullMQ
  [/^Reached the max retries per request limit\b/, 'Redis does not answer'],
  [/^Socket timeout\. Expecting data\b/, 'it accepts connections and answers nothing'],
  [/^Command timed out$/, 'it accepts connections and answers nothing'],
  [/^Connection is closed\b/, 'it closes the connection'],
  [/^Stream isn't writeable\b/, 'Redis is not connected'],
  // Of the reader of Redis' protocol, which ends each of its complaints so.
  [/Please report this\.$|^Protocol error\b/, 'what answers there is no Redis'],
  [/^Missing (?:lock|key) for job\b/, 'another worker has taken or finished the job'],
  [/^job stalled more than allowable limit$/, 'the job was begun too often without an end'],
  // Redis
  [/^NOAUTH\b|^ERR AUTH <password> called without/, 'Redis and REDIS_URL differ on whether there is a password'],
  [/^WRONGPASS\b/, 'Redis refuses the user or password in REDIS_URL'],
  [/^NOPERM\b/, 'the user in REDIS_URL may not do what the queue needs'],
  [/^ERR DB index is out of range\b/, 'it has no database with the number in REDIS_URL'],
  [/^(?:ERR .*-)?OOM command not allowed\b/, 'Redis has reached its maxmemory'],
  [/^(?:ERR .*-)?READONLY\b/, 'Redis is a replica, which changes nothing'],
  [/^LOADING\b/, 'Redis is still loading its data'],
  [/^(?:ERR .*-)?MISCONF\b/, 'Redis cannot write to its disk, and changes nothing'],
  [/^MASTERDOWN\b/, 'Redis is a replica that has lost its master'],
  [/^NOREPLICAS\b/, 'Redis has too few replicas to change anything (min-replicas-to-write)'],
  [/^(?:CLUSTERDOWN|MOVED|ASK|CROSSSLOT|TRYAGAIN)\b/, 'it is a cluster of Redis, and the queue needs a single server'],
  [/^BUSY Redis is busy\b/, 'Redis is busy with a script'],
  [/^DENIED Redis is running in protected mode\b/, 'Redis is in protected mode, and takes no connection from another machine'],
  [/^ERR max number of clients reached\b/, 'Redis has no connection free (maxclients)'],
  [/^ERR unknown command\b/, 'Redis lacks a command that the queue needs'],
  // imapflow
  [/^(?:Connection not available|Connection closed|Socket is already closed)$/, 'it was closed'],
  [/^Unexpected close$/, 'the server closed it'],
  [/^Failed to receive greeting from server in required time$/, 'the server sends no greeting'],
  [/^Command failed$/, 'the server refused a command'],
  [/^Socket timeout$/, 'no answer came in time'],
  [/^(?:Unexpected|Invalid|Literal)\b.* \[E\d+\b|^Failed to parse the server response\b/, 'the server sends what is no IMAP'],
  // nodemailer
  [/^Greeting never received$/, 'it sends no greeting'],
  [/^Connection timeout$/, 'it does not answer'],
  [/^(?:Connection closed unexpectedly|Server closed the connection)$/, 'it closed the connection'],
  // Node: connections
  [/^(?:read|connect) ECONNRESET\b|^socket hang up$/, 'the connection was cut (ECONNRESET)'],
  [/^(?:read|write) (EPIPE|ECONNABORTED)$/, (code) => `the connection was cut (${code})`],
  [/^connect ECONNREFUSED (\S+)/, (at) => `nothing listens at ${at} (ECONNREFUSED)`],
  // A datagram that a host sent back: the name does not say which.
  [/^recvmsg ECONNREFUSED$/, 'nothing listens there (ECONNREFUSED)'],
  [/^connect ENOENT (\S+)/, (at) => `there is no socket ${at} (ENOENT)`],
  [/^connect (EACCES|EPERM) (\S+)/, (code, at) => `this user may not connect to ${at} (${code})`],
  [/^(?:connect|read|write) ETIMEDOUT(?: (\S+))?/, (at) => `${at || 'it'} does not answer (ETIMEDOUT)`],
  [
    /^(?:connect|read|write) (EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)(?: (\S+))?/,
    (code, at) => `no way leads to ${at || 'it'} (${code})`,
  ],
  [/^getaddrinfo ENOTFOUND (\S+)/, (name) => `the name ${name} does not exist (ENOTFOUND)`],
  [/^getaddrinfo (EAI_AGAIN) (\S+)/, (code, name) => `the name ${name} cannot be looked up at present (${code})`],
  [/^listen EADDRINUSE\b.*? (\S+)$/, (at) => `another program listens at ${at} (EADDRINUSE)`],
  [/^listen EADDRNOTAVAIL\b.*? (\S+)$/, (at) => `this machine has no address ${at} (EADDRNOTAVAIL)`],
  [/^listen EACCES\b.*? (\S+)$/, (at) => `this user may not listen at ${at} (EACCES)`],
  // Node: TLS. OpenSSL's texts have seven parts between colons, of which the sixth is the reason.
  [OPENSSL, (reason) => ofTls(reason)],
  [/^self-signed certificate\b/, 'its certificate is self-signed'],
  [
    /^unable to (?:verify the first|get (?:local )?issuer) certificate\b/,
    'its certificate is of an authority that is not trusted here',
  ],
  [/^certificate has expired\b/, 'its certificate has expired'],
  [/^certificate is not yet valid\b/, 'its certificate is not valid yet'],
  [
    /^Hostname\/IP does not match certificate's altnames: .*: ((?:DNS|IP Address):.*)$/,
    (names) => `its certificate is for other names (${names})`,
  ],
  [/^Hostname\/IP does not match certificate's altnames\b/, 'its certificate is for another name'],
  [
    /^Client network socket disconnected before secure TLS connection was established$/,
    'the connection was closed before TLS was agreed on',
  ],
  [/^This socket has been ended by the other party$|^other side closed$/, 'the connection was closed by the other side'],
  // Node: fetch, whose cause says more.
  [/^fetch failed$/, ''],
  [/^(?:Connect|Headers|Body) Timeout Error\b/, 'it does not answer in time'],
  [/^(?:Response does not match the HTTP\/1\.1 protocol|Parse Error: |Expected HTTP\/)/, 'what answers there is no HTTP'],
  [/^bad port$/, 'a port of another service, which no client of HTTP uses'],
  [/^unexpected redirect$/, 'it redirects, which is not followed'],
  // Node: files and programs
  [/^spawn (\S+) ENOENT$/, (program) => `there is no program ${program} (ENOENT)`],
  [/^spawn (\S+) (EACCES|EPERM)$/, (program, code) => `this user may not run ${program} (${code})`],
  [/^(E[A-Z0-9]+): [a-z ,()-]+, \w+(?: '([^']*)')?/, (code, file) => ofFile(code, file)],
];

/** Reasons of OpenSSL that no TLS was there at all. */
const NO_TLS = /wrong version number|unknown protocol|packet length too long|record layer failure|http request|bad record type/i;
const VERSION = /protocol version|unsupported protocol|version too low|no protocols available/i;
const OWN_CERTIFICATE = /certificate required|bad certificate|unknown ca|certificate unknown/i;

/** Whether an error is of OpenSSL, and of a server that spoke TLS. */
export function speaksTls(error: unknown): boolean {
  const reason = error instanceof Error ? OPENSSL.exec(error.message)?.[1] : undefined;
  return reason !== undefined && !NO_TLS.test(reason);
}

function ofTls(reason: string): string {
  if (NO_TLS.test(reason)) return 'what answers there speaks no TLS';
  if (VERSION.test(reason)) return 'it knows no version of TLS that is in use here (1.2 or later)';
  if (OWN_CERTIFICATE.test(reason)) return 'it demands a certificate of ruawatch, or does not trust it';
  if (/handshake failure|no shared cipher|unsupported/i.test(reason))
    return 'it agrees on no cipher, or demands a certificate of ruawatch';
  if (/unrecognized name/i.test(reason)) return 'it has no certificate for this name';
  return `TLS failed (${reason})`;
}

const OF_FILES: Record<string, (file: string) => string> = {
  ENOENT: (file) => `there is no ${file || 'such file'}`,
  EACCES: (file) => `this user may not use ${file || 'the file'}`,
  EPERM: (file) => `this user may not change ${file || 'the file'}`,
  ENOSPC: () => 'the disk is full',
  EDQUOT: () => 'the quota of the disk is used up',
  EROFS: (file) => `${file || 'the file'} is on a file system that is read-only`,
  EISDIR: (file) => `${file || 'it'} is a folder and no file`,
  ENOTDIR: (file) => `a part of ${file || 'the path'} is no folder`,
  ELOOP: (file) => `${file || 'it'} is a symbolic link that leads to itself`,
  ENAMETOOLONG: () => 'the name of the file is too long',
  EMFILE: () => 'this process has too many files open',
  ENFILE: () => 'this machine has too many files open',
  EIO: (file) => `the disk cannot read or write ${file || 'it'}`,
  EEXIST: (file) => `${file || 'it'} is there already`,
};

function ofFile(code: string, file: string): string | null {
  const said = OF_FILES[code]?.(file);
  return said === undefined ? null : `${said} (${code})`;
}

/** The meaning of one text of a library or server on one line; null when it is not listed. */
export function knownMeaning(text: string): string | null {
  for (const [pattern, meaning] of MEANINGS) {
    const found = pattern.exec(text);
    if (found === null) continue;
    return typeof meaning === 'string' ? meaning : meaning(...found.slice(1).map((part) => part ?? ''));
  }
  return null;
}

/** The same; the text itself when it is not listed. */
export function meaningOf(text: string): string {
  return knownMeaning(text) ?? text;
}

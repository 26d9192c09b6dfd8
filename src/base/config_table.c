/*
 * Every parameter, once. Names and meanings are Postfix's or Dovecot's where
 * either has the concept. Rows stand in the order of the manual.
 */
#include "base/config.h"

#define T CONFIG_TEXT
#define L CONFIG_LIST
#define M CONFIG_DOMAINS
#define N CONFIG_NUMBER
#define S CONFIG_SIZE
#define D CONFIG_DURATION
#define B CONFIG_BOOL
#define C CONFIG_CHOICE
#define W CONFIG_NETWORKS
#define P CONFIG_PORT
#define V CONFIG_SERVERS
#define PW CONFIG_PEER_NETWORKS
#define PV CONFIG_PEER_SERVERS

const struct config_parameter config_table[] = {
{ "myhostname", T, "", NULL, "*", NULL,
	"Name of this mail host. Empty: the name the machine gives itself." },
{ "mydomain", T, "", NULL, "*", NULL,
	"The mail domain. Empty: $myhostname less its first label." },
{ "myorigin", T, "$mydomain", NULL, "smtpd auth queue relay", NULL,
	"Domain added to addresses without one in mail from this host; of a /file its "
	"first line (Debian: /etc/mailname). Postfix has $myhostname where it is not "
	"set." },
{ "inet_interfaces", L, "all", NULL, "relay hostmaster", NULL,
	"Addresses to listen on: all, loopback-only, host names or addresses." },
{ "inet_protocols", L, "all", NULL, "relay hostmaster", NULL,
	"IP versions to listen on, and to send mail by: all, or ipv4 and ipv6." },
{ "mydestination", M, "$myhostname, localhost.$mydomain, localhost", NULL,
	"auth smtpd", NULL,
	"Domains whose mail is for accounts here, beside those added with "
	"`posthouse domain add`. As in Postfix: names, not those below them; the first "
	"that has a domain decides, and !name says no; /file is a file of such names, "
	"hash:/file the keys of a table's text." },
{ "alias_maps", L, "/etc/aliases", NULL, "auth pipe", NULL,
	"Alias files in the usual format, for names in mydestination; "
	"`newaliases` compiles them. The default counts for root only." },
{ "default_privs", T, "nobody", NULL, "pipe", NULL,
	"System user as whom programs and files run that alias files of root's "
	"name. Never root; read by `newaliases` too." },
{ "pipe_process_limit", N, "100", NULL, "", NULL,
	"Owners of programs and files of aliases and .forward that are served at "
	"once, each by a process of his own; up to 4096." },
{ "command_time_limit", D, "1000s", NULL, "pipe", "s",
	"Time that a program of an alias or of .forward may take; then it and "
	"all that it started is killed, and the mail tried again." },
{ "virtual_alias_maps", L, "", NULL, "auth", NULL,
	"Tables as in virtual(5) of Postfix for addresses of domains of ours, and "
	"for domains that are keys in them: a file of keys (hash: in front is "
	"passed over), or regexp: and pcre: tables." },
{ "mynetworks", W, "127.0.0.0/8 [::1]/128", NULL, "smtpd login auth names web",
	NULL,
	"Clients that may relay without authentication. As in Postfix: networks "
	"without bits of a host; the first that has a client decides, and !network says "
	"no; /file is a file of networks." },
{ "recipient_delimiter", T, "+", NULL, "auth pipe mailbox", NULL,
	"Characters that separate a user name from an extension: "
	"alice+news@ is delivered to alice." },
{ "accounts", L, "builtin system", NULL, "auth ldap pgsql", NULL,
	"Account sources, asked in the order given: builtin, system (users of this "
	"machine), passwd-file:FILE in Dovecot's format, read again on reload, "
	"ldap:FILE and pgsql:FILE (doc/accounts.md). The default is builtin alone when not "
	"started by root." },
{ "mail_location", T, "mbox:~/mail:INBOX=/var/mail/%u", NULL, "mailbox", NULL,
	"Where system users' mail is, as in Dovecot: native[:DIR], "
	"mbox:DIR[:INBOX=FILE] or maildir:DIR[:INBOX=DIR]; ~ and %h are the home, "
	"%u the user, %n his name, %1n its first character. Other accounts are "
	"always native." },
{ "mail_spool_directory", T, "/var/mail", NULL, "mailbox spoollock", NULL,
	"The directory of mbox files named after system users, where only the "
	"group mail may make files." },
{ "mailbox_quota", S, "0", NULL, "auth", NULL,
	"Space an account may use; 0 is no limit. An account's own limit is set "
	"with `posthouse user quota`." },
{ "message_size_limit", S, "64M", NULL, "smtpd queue mailbox relay", NULL,
	"Largest message; what SIZE and APPENDLIMIT announce." },

{ "disable_plaintext_auth", B, "yes", NULL, "smtpd login auth", NULL,
	"No password over an unencrypted connection, loopback excepted." },
{ "login_trusted_networks", W, "", NULL, "smtpd login auth", NULL,
	"When set, only these networks may log in, and they may do so without "
	"encryption whatever disable_plaintext_auth says." },
{ "proxy_networks", W, "", NULL, "smtpd login", NULL,
	"Load balancers whose PROXY header is believed." },
{ "auth_mechanisms", L, "", NULL, "auth", NULL,
	"SASL mechanisms offered. Empty: what every account source can answer." },
{ "auth_failure_delay", D, "2s", NULL, "auth", "s",
	"How long the answer to a wrong password is held back." },
{ "auth_cache_ttl", D, "1h", NULL, "auth", "s",
	"How long a verified password is remembered as a keyed hash." },

{ "imap_client_connection_limit", N, "1000", NULL, "login", NULL,
	"IMAP connections at once from one client network that have not logged "
	"in yet; $mynetworks excepted." },
{ "imap_user_connection_limit", N, "50", NULL, "mailbox", NULL,
	"IMAP connections at once of one account." },
{ "pop3_client_connection_limit", N, "1000", NULL, "login", NULL,
	"POP3 connections at once from one client network that have not logged "
	"in yet; $mynetworks excepted." },
{ "pop3_user_connection_limit", N, "50", NULL, "mailbox", NULL,
	"POP3 connections at once of one account." },
{ "login_timeout", D, "3m", NULL, "login", "s",
	"How long a client may take to log in." },
{ "imap_idle_timeout", D, "30m", NULL, "mailbox", "s",
	"How long a quiet IMAP session is kept (RFC 9051 5.4: at least 30 m)." },
{ "pop3_idle_timeout", D, "10m", NULL, "mailbox", "s",
	"How long a quiet POP3 session is kept (RFC 1939 3: at least 10 m)." },

{ "smtpd_recipient_limit", N, "1000", NULL, "smtpd", NULL,
	"Recipients of one message." },
{ "smtpd_timeout", D, "5m", NULL, "smtpd", "s",
	"How long a quiet SMTP client is waited for (RFC 5321 4.5.3.2.7)." },
{ "smtpd_session_time_limit", D, "4h", NULL, "smtpd", "s",
	"How long one SMTP connection may last in all." },
{ "smtpd_transaction_time_limit", D, "1h", NULL, "smtpd", "s",
	"How long one SMTP transaction may take in all, from MAIL to the end of "
	"data." },
{ "smtpd_hard_error_limit", N, "20", NULL, "smtpd", NULL,
	"Errors after which an SMTP client is sent away." },
{ "smtpd_connection_limit", N, "5000", NULL, "smtpd", NULL,
	"SMTP connections at once; further ones are answered 421." },
{ "smtpd_client_connection_count_limit", N, "50", NULL, "smtpd", NULL,
	"Connections at once from one client network." },
{ "smtpd_client_connection_rate_limit", N, "600", NULL, "smtpd", NULL,
	"Connections per anvil_rate_time_unit from one client network." },
{ "smtpd_client_message_rate_limit", N, "600", NULL, "smtpd", NULL,
	"Messages per anvil_rate_time_unit from one client network." },
{ "smtpd_client_recipient_rate_limit", N, "2000", NULL, "smtpd", NULL,
	"Recipients per anvil_rate_time_unit from one client network." },
{ "smtpd_client_auth_rate_limit", N, "30", NULL, "smtpd login", NULL,
	"Login attempts per anvil_rate_time_unit from one client network." },
{ "http_client_connection_limit", N, "100", NULL, "web", NULL,
	"HTTP connections at once from one client network; $mynetworks excepted." },
{ "http_client_request_rate_limit", N, "600", NULL, "web", NULL,
	"HTTP requests per anvil_rate_time_unit from one client network; $mynetworks "
	"excepted." },
{ "anvil_rate_time_unit", D, "60s", NULL, "smtpd login web", "s",
	"The time that rates are counted over." },
{ "smtpd_forbid_bare_newline", C, "reject", "reject normalize", "smtpd", NULL,
	"What becomes of a CR or LF that stands alone in DATA." },
{ "smtpd_forbid_bare_newline_exclusions", W, "", NULL, "smtpd", NULL,
	"Clients that may send them: as with normalize." },
{ "smtpd_sasl_auth_enable", B, "no", NULL, "smtpd", NULL,
	"Offer AUTH on port 25 too. The submission ports always do." },

{ "relayhost", T, "", NULL, "queue hostmaster web", NULL,
	"Next hop of all mail to other domains: [host]:port, [host], or a domain "
	"whose MX are asked. Empty: the domain of each recipient." },
{ "transport_maps", T, "", NULL, "queue", NULL,
	"A file with next hops for single addresses and domains, as in Postfix's "
	"transport(5); read as text, a type in front (hash:) is passed over." },
{ "relay_domains", M, "", NULL, "smtpd", NULL,
	"Other domains, and those below them, that mail is relayed to for "
	"anybody; !name, /file and hash:/file as in mydestination." },
{ "initial_destination_concurrency", N, "5", NULL, "queue", NULL,
	"Deliveries to one next hop at once, at first." },
{ "default_destination_concurrency_limit", N, "20", NULL, "queue", NULL,
	"Deliveries to one next hop at once, when they succeed." },
{ "smtp_destination_recipient_limit", N, "50", NULL, "queue", NULL,
	"Recipients of one delivery to a next hop." },
{ "minimal_backoff_time", D, "300s", NULL, "queue", "s",
	"Shortest time between two delivery attempts." },
{ "maximal_backoff_time", D, "4000s", NULL, "queue", "s",
	"Longest time between two delivery attempts." },
{ "maximal_queue_lifetime", D, "5d", NULL, "queue", "d",
	"How long delivery is tried." },
{ "bounce_queue_lifetime", D, "5d", NULL, "queue", "d",
	"How long delivery of mail without a sender (reports) is tried." },
{ "smtp_helo_name", T, "$myhostname", NULL, "relay", NULL,
	"The name that other servers are told with EHLO." },
{ "smtp_bind_address", T, "", NULL, "relay", NULL,
	"IPv4 address that mail is sent from. Empty: the system's choice." },
{ "smtp_bind_address6", T, "", NULL, "relay", NULL,
	"IPv6 address that mail is sent from. Empty: the system's choice." },
{ "smtp_address_preference", C, "any", "any ipv4 ipv6", "relay", NULL,
	"Which addresses of a server are tried first; the others follow by "
	"turns. any: by chance." },
{ "smtp_mx_address_limit", N, "5", NULL, "relay", NULL,
	"Addresses that one delivery tries to connect to; 0: all." },
{ "smtp_mx_session_limit", N, "2", NULL, "relay", NULL,
	"Servers that one delivery talks to, when the first puts it off; 0: "
	"all." },
{ "smtp_tls_security_level", C, "dane",
	"none may encrypt dane dane-only verify secure", "relay", NULL,
	"What is demanded of TLS with other servers. dane: what their domain "
	"publishes (DANE, MTA-STS), otherwise TLS where it is offered." },
{ "smtp_tls_policy_maps", T, "", NULL, "", NULL,
	"File with a security level for next hops: `example.org secure`; "
	"`.example.org` is what lies below. A type in front (hash:) is passed over." },
{ "smtp_tlsrpt_enable", B, "yes", NULL, "relay queue", NULL,
	"Count how TLS with other domains goes, and send those that publish an "
	"address a report each day (RFC 8460). A change needs a restart." },
{ "smtp_tlsrpt_interval", D, "1d", NULL, "relay queue", "h",
	"The time that one report covers. Others than a day are for tests. A "
	"change needs a restart." },
{ "smtp_sasl_auth_enable", B, "no", NULL, "relay", NULL,
	"Log in to the servers that smtp_sasl_password_maps names." },
{ "smtp_sasl_password_maps", T, "", NULL, "", NULL,
	"File with logins for next hops: `[mail.example.org]:587 user:password`. A "
	"type in front (hash:) is passed over." },
{ "smtp_connect_timeout", D, "30s", NULL, "relay", "s",
	"How long another server may take to accept a connection." },
{ "smtp_helo_timeout", D, "300s", NULL, "relay", "s",
	"How long it may take to greet, and to answer EHLO (RFC 5321 "
	"4.5.3.2.1)." },
{ "smtp_starttls_timeout", D, "300s", NULL, "relay", "s",
	"How long it may take to answer STARTTLS." },
{ "smtp_mail_timeout", D, "300s", NULL, "relay", "s",
	"How long it may take to answer MAIL (RFC 5321 4.5.3.2.2)." },
{ "smtp_rcpt_timeout", D, "300s", NULL, "relay", "s",
	"How long it may take to answer RCPT (RFC 5321 4.5.3.2.3)." },
{ "smtp_data_init_timeout", D, "120s", NULL, "relay", "s",
	"How long it may take to answer DATA (RFC 5321 4.5.3.2.4)." },
{ "smtp_data_xfer_timeout", D, "180s", NULL, "relay", "s",
	"How long it may take to read the next piece of a message (RFC 5321 "
	"4.5.3.2.5)." },
{ "smtp_data_done_timeout", D, "600s", NULL, "relay", "s",
	"How long it may take to answer the end of a message (RFC 5321 "
	"4.5.3.2.6)." },
{ "smtp_rset_timeout", D, "20s", NULL, "relay", "s",
	"How long it may take to answer RSET." },
{ "smtp_connection_cache_time_limit", D, "2s", NULL, "relay", "s",
	"How long a connection is kept for the next message; 0: not at all." },
{ "smtp_connection_reuse_time_limit", D, "300s", NULL, "relay", "s",
	"How long one connection is used in all; 0: without end." },
{ "smtp_connection_reuse_count_limit", N, "0", NULL, "relay", NULL,
	"Messages that are sent over one connection; 0: any number." },

{ "delay_warning_time", D, "0", NULL, "queue", "h",
	"After this time a sender is told that his message is still waiting; 0: "
	"not unless he asked." },
{ "language", C, "", "en zh", "queue", NULL,
	"Language of doctor, and of reports to senders beside English. Empty: what "
	"the locale says." },
{ "queue_minfree", S, "0", NULL, "smtpd queue mailbox", NULL,
	"Free space below which mail is not accepted; 0: 1.5 times "
	"message_size_limit." },

{ "tls_cert_file", T, "$data_directory/tls/cert.pem", NULL, "", NULL,
	"PEM file of the certificate and its chain. The standard one is made at "
	"first start, self-signed." },
{ "tls_key_file", T, "$data_directory/tls/key.pem", NULL, "", NULL,
	"PEM file of its private key." },
{ "key_ring_file", T, "$data_directory/keys/ring", NULL, "", NULL,
	"File of the private keys that are made here and kept: of signed DNS "
	"zones, and of certificates. Who loses it needs new ones." },
{ "acme_directory", T, "", NULL, "hostmaster", NULL,
	"Address (https://) of the directory of an authority that gives "
	"certificates by ACME, or letsencrypt. With it certificates are got and "
	"renewed without being asked for; whoever sets it agrees to that "
	"authority's terms." },
{ "acme_email", T, "", NULL, "hostmaster", NULL,
	"Address that the authority may write to about certificates." },
{ "acme_challenges", L, "http-01 tls-alpn-01 dns-01", "", "hostmaster", NULL,
	"Ways to show the authority that names are ours, in the order in which they "
	"are tried: http-01 needs port 80, tls-alpn-01 port 443, dns-01 a "
	"zone that is served here." },
{ "acme_names", L, "", NULL, "hostmaster", NULL,
	"Names of the certificate. Without any: myhostname, and those of "
	"mta-sts, autoconfig and autodiscover below the mail domains that lead "
	"to this host." },
{ "acme_retry_time", D, "20m", NULL, "hostmaster", "m",
	"How long after a certificate could not be got it is tried again; the "
	"time doubles with each failure, up to a day." },
{ "acme_chain_file", T, "$data_directory/acme/chain", NULL, "", NULL,
	"File of the certificate that was got by ACME. It is used instead of "
	"tls_cert_file while it is valid." },
{ "smtp_tls_CAfile", T, "/etc/ssl/certs/ca-certificates.crt", NULL, "", NULL,
	"PEM file of the authorities that are trusted when mail is sent with "
	"verified TLS. It need not be there." },
{ "fetch_ca_file", T, "/etc/ssl/certs/ca-certificates.crt", NULL, "", NULL,
	"PEM file of the authorities that are trusted on the web, where domains "
	"publish how mail to them is protected. Without it nothing is fetched." },

{ "dns_forwarders", V, "", NULL, "names", NULL,
	"DNS servers that all questions go to: ADDRESS, ADDRESS@PORT or "
	"[ADDRESS]:PORT. Empty: those of dns_resolv_conf, and while they do not "
	"answer or do not pass on DNSSEC, the root's servers and whom they name. "
	"/etc/hosts is never used for mail." },
{ "dns_resolv_conf", T, "/etc/resolv.conf", NULL, "", NULL,
	"File whose nameserver lines are used when dns_forwarders is empty. Read "
	"at start and at each reload." },
{ "dns_validation", C, "when-possible", "when-possible yes no", "names", NULL,
	"DNSSEC validation. yes: what cannot be validated because no server "
	"passes on signatures is not believed at all, and mail waits. "
	"when-possible: such servers are believed, and DANE is not used; never "
	"again once validation has worked in this process. no: never." },
{ "dns_trust_anchor_file", T, "/usr/share/dns/root.key", NULL, "", NULL,
	"File of DS or DNSKEY records, one a line, that validation begins with. "
	"When it is missing or empty nothing is validated." },
{ "dns_insecure_domains", L, "home.arpa internal local test", NULL, "names",
	NULL, "Domains whose answers are not validated: private ones, of which "
	"the public DNS proves that they do not exist." },
{ "dns_cache_size", S, "16M", NULL, "names", NULL,
	"Memory for answers of the DNS." },
{ "dns_zones", L, "", NULL, "", NULL,
	"Zone files in the usual format that are served to everybody on dns_port: "
	"FILE, whose name less .zone is the origin, or ORIGIN:FILE. Read again at "
	"each reload; a zone with a mistake stays as it was." },
{ "hostmaster_state_file", T, "$data_directory/hostmaster/state", NULL, "", NULL,
	"File for what is to be remembered of our domains: since when the DNS has "
	"which key." },
{ "dns_signed_zones", L, "", NULL, "names hostmaster", NULL,
	"Zones of dns_zones that are signed here (DNSSEC): origins, or all. Their "
	"keys are made, kept and followed by others by themselves; the DS that "
	"posthouse dns keys shows goes to the registrar. One that is taken off the "
	"list stays signed until its DS is gone." },
{ "dns_key_lifetime", D, "0", NULL, "names", "d",
	"Age at which the key of a signed zone is followed by another, which takes "
	"over when the parent's DS names it; 0: only when posthouse dns roll says so." },
{ "dns_state_file", T, "$data_directory/dns/state", NULL, "", NULL,
	"File for what is to be remembered of zones: serials, and records that were "
	"added to them for our domains." },
{ "dns_addresses", L, "", NULL, "hostmaster", NULL,
	"Addresses of this host that the DNS is told, of a host behind NAT those "
	"that others reach it by. Empty: the global ones it has and listens on, else "
	"private ones; never those of the loopback." },
{ "dns_records_ttl", D, "1h", NULL, "hostmaster web", "s",
	"How long others may keep records that are made for our domains. A new key "
	"for TLS is used when its TLSA record has been there for twice as long." },
{ "mta_sts_mode", C, "testing", "none testing enforce", "hostmaster web", NULL,
	"The MTA-STS policy of our domains (RFC 8461 3.2). enforce needs a "
	"certificate that others trust." },
{ "dns_recursion_networks", W, "", NULL, "names", NULL,
	"Clients for whom dns_port also finds what is not in dns_zones. Empty: "
	"those of mynetworks and of the private networks (RFC 1918, RFC 4193) "
	"that this machine has an address in." },
{ "dns_secondary_zones", L, "", NULL, "names", NULL,
	"Zones that are had from other nameservers (IXFR, AXFR) and served like "
	"those of dns_zones: ORIGIN:ADDRESS, ORIGIN:ADDRESS@PORT; an origin may come "
	"with several addresses. With =KEY behind, a key of dns_tsig_keys, both sides sign." },
{ "dns_secondary_file", T, "$data_directory/dns/secondary", NULL, "", NULL,
	"File that keeps the zones of dns_secondary_zones, so that they are answered "
	"after a start until they expire, also while no primary is there. Empty: "
	"they are in memory only." },
{ "dns_allow_transfer", PW, "", NULL, "names", NULL,
	"Nameservers that may have whole zones (AXFR, IXFR): the secondaries. "
	"NETWORK=KEY: only with the signature of that key of dns_tsig_keys." },
{ "dns_also_notify", PV, "", NULL, "names", NULL,
	"Nameservers that are told when a zone has another serial (NOTIFY): "
	"ADDRESS, ADDRESS@PORT or [ADDRESS]:PORT, and =KEY behind to sign it." },
{ "dns_tsig_keys", T, "", NULL, "names", NULL,
	"File of the secrets that we share with other nameservers (TSIG, RFC 8945), a "
	"key a line: NAME ALGORITHM SECRET, the algorithm hmac-sha256, hmac-sha384 "
	"or hmac-sha512, the secret in base 64. Nobody else may read it. Read again at "
	"each reload." },
{ "dns_rate_limit", N, "200", NULL, "names", NULL,
	"Answers a second by UDP for one client network (IPv4 /24, IPv6 /56), one "
	"zone and one kind of answer; 0 is no limit. Who may use the resolver, or "
	"shows a DNS cookie, is not counted." },
{ "dns_rate_limit_slip", N, "2", NULL, "names", NULL,
	"Of what is beyond dns_rate_limit each so many-th gets a short answer that "
	"makes a true client ask by TCP; the others get none. 0: none of them." },

{ "doctor_blocklists", L, "zen.spamhaus.org bl.spamcop.net", NULL, "", NULL,
	"DNS blocklists (RFC 5782) on which `posthouse doctor` looks for the "
	"addresses that mail is sent from. Empty: none." },

{ "mailbox_processes", N, "0", NULL, "*", NULL,
	"Processes that share the accounts; 0: one for each core." },
{ "mailbox_process_limit", N, "1000", NULL, "", NULL,
	"Mailbox processes of system users at once; up to 4096. A user has one "
	"while he has something to do." },
{ "max_idle", D, "60s", NULL, "mailbox pipe", "s",
	"How long a system user's process stays when it has nothing to do." },
{ "first_valid_uid", N, "1000", NULL, "auth mailbox pipe", NULL,
	"System users below this uid have no mailbox; root has one." },
{ "last_valid_uid", N, "0", NULL, "auth", NULL,
	"System users above this uid have no mailbox; 0: there is no such end." },
{ "tls_processes", N, "1", NULL, "login smtpd web", NULL,
	"Processes that speak TLS with clients. Each connection takes two of the "
	"descriptors that a process may have (ulimit -n)." },
{ "protocols", L, "imap pop3 lmtp", NULL, "hostmaster web", NULL,
	"How mailboxes are reached. SMTP always runs." },
{ "data_directory", T, "/var/lib/posthouse", NULL, "*", NULL,
	"Where mail, accounts and keys are." },
{ "queue_directory", T, "$data_directory/queue", NULL, "queue", NULL,
	"Where the spool is." },
{ "runtime_directory", T, "/run/posthouse", NULL, "", NULL,
	"Where the Unix sockets are." },
{ "log_path", T, "", NULL, "", NULL,
	"File for the log. Empty: standard error. A copy is always kept in "
	"$data_directory/log/posthouse.log." },
{ "log_level", C, "info", "error warn info debug", "*", NULL,
	"The finest level that is logged." },

{ "port_offset", N, "0", NULL, "names relay hostmaster web", NULL, "Added to every port." },
{ "smtp_port", P, "25", NULL, "relay hostmaster web", NULL, "0 turns a listener off." },
{ "submission_port", P, "587", NULL, "hostmaster web", NULL, "0 turns a listener off." },
{ "submissions_port", P, "465", NULL, "hostmaster web", NULL, "0 turns a listener off." },
{ "imap_port", P, "143", NULL, "hostmaster web", NULL, "0 turns a listener off." },
{ "imaps_port", P, "993", NULL, "hostmaster web", NULL, "0 turns a listener off." },
{ "pop3_port", P, "110", NULL, "hostmaster web", NULL, "0 turns a listener off." },
{ "pop3s_port", P, "995", NULL, "hostmaster web", NULL, "0 turns a listener off." },
{ "http_port", P, "80", NULL, "", NULL,
	"Pages that must be found without TLS, and the way to https_port. 0 turns a "
	"listener off." },
{ "https_port", P, "443", NULL, "hostmaster web", NULL,
	"Pages for mail programs, phones and people. 0 turns a listener off." },
{ "lmtp_port", P, "0", NULL, "", NULL, "0 turns a listener off." },
{ "dns_port", P, "53", NULL, "names", NULL,
	"UDP and TCP. When another program has the port, no other was said and no "
	"zone is named, the system starts without it. 0 turns it off." },
{ "dns_resolver_port", P, "0", NULL, "names", NULL,
	"UDP and TCP port of the resolver on the loopback addresses, for other "
	"programs of this machine; 0 turns it off. It always listens on the "
	"Unix socket dns in runtime_directory. A change needs a restart." },
{ NULL, T, NULL, NULL, NULL, NULL, NULL },
};

/*
 * Names that Postfix or Dovecot has and Posthouse has not: a line with one of
 * them is a warning that says what to use instead, never an error, so that
 * lines of main.cf and dovecot.conf can be pasted.
 */
#include "base/config_known.h"

#include <stddef.h>

#define NOT_NEEDED "Posthouse does it by itself; leave the line out"

const struct config_known config_known_table[] = {
	{ "smtpd_banner", "Postfix", "the greeting is always \"$myhostname ESMTP\"" },
	{ "biff", "Postfix", "IMAP IDLE tells of new mail; leave the line out" },
	{ "append_dot_mydomain", "Postfix", NOT_NEEDED },
	{ "readme_directory", "Postfix", "leave the line out" },
	{ "compatibility_level", "Postfix", "leave the line out" },
	{ "mailbox_size_limit", "Postfix", "use mailbox_quota" },
	{ "virtual_mailbox_limit", "Postfix", "use mailbox_quota" },
	{ "home_mailbox", "Postfix", "mail is kept in the native format" },
	{ "mail_spool_directory", "Postfix", "mail is kept in the native format" },
	{ "alias_database", "Postfix", "use `posthouse alias add`" },
	{ "alias_maps", "Postfix", "use `posthouse alias add`" },
	{ "virtual_alias_maps", "Postfix", "use `posthouse alias add`" },
	{ "virtual_mailbox_domains", "Postfix", "use `posthouse domain add`" },
	{ "virtual_mailbox_maps", "Postfix", "use `posthouse user add`" },
	{ "virtual_transport", "Postfix", NOT_NEEDED },
	{ "local_recipient_maps", "Postfix", NOT_NEEDED },
	{ "mailbox_command", "Postfix", "local mail goes into the store" },
	{ "smtpd_tls_cert_file", "Postfix", "use tls_cert_file" },
	{ "smtpd_tls_key_file", "Postfix", "use tls_key_file" },
	{ "smtpd_tls_chain_files", "Postfix", "use tls_cert_file and tls_key_file" },
	{ "smtpd_tls_security_level", "Postfix", "STARTTLS is always offered" },
	{ "smtpd_use_tls", "Postfix", "STARTTLS is always offered" },
	{ "smtpd_tls_session_cache_database", "Postfix", NOT_NEEDED },
	{ "smtp_tls_CApath", "Postfix", NOT_NEEDED },
	{ "smtp_tls_session_cache_database", "Postfix", NOT_NEEDED },
	{ "smtpd_relay_restrictions", "Postfix",
		"only mynetworks and authenticated clients may relay" },
	{ "smtpd_recipient_restrictions", "Postfix",
		"only mynetworks and authenticated clients may relay" },
	{ "smtpd_sasl_type", "Postfix", NOT_NEEDED },
	{ "smtpd_sasl_path", "Postfix", NOT_NEEDED },
	{ "maillog_file", "Postfix", "use log_path" },
	{ "listen", "Dovecot", "use inet_interfaces" },
	{ "mail_location", "Dovecot", "mail is kept in the native format" },
	{ "ssl", "Dovecot", "STARTTLS and the TLS ports are always offered" },
	{ "ssl_cert", "Dovecot", "use tls_cert_file" },
	{ "ssl_key", "Dovecot", "use tls_key_file" },
	{ "ssl_min_protocol", "Dovecot", "TLS 1.2 and 1.3 are offered" },
	{ "mail_privileged_group", "Dovecot", NOT_NEEDED },
	{ "first_valid_uid", "Dovecot", NOT_NEEDED },
	{ "mail_max_userip_connections", "Dovecot",
		"use imap_user_connection_limit" },
	{ "info_log_path", "Dovecot", "use log_path" },
	{ "debug_log_path", "Dovecot", "use log_path and log_level" },
	{ "passdb", "Dovecot", "use accounts" },
	{ "userdb", "Dovecot", "use accounts" },
	{ NULL, NULL, NULL },
};

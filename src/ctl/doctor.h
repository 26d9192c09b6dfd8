/*
 * The findings of `posthouse doctor`. Each is a row of one table: what is found
 * and what to do about it. A judge is a function of facts that adds findings;
 * it asks nobody and changes nothing.
 */
#ifndef CTL_DOCTOR_H
#define CTL_DOCTOR_H

#include "ctl/doctor_facts.h"

enum doctor_area {
	DOCTOR_AREA_HOST, DOCTOR_AREA_DNS, DOCTOR_AREA_POLICY,
	DOCTOR_AREA_CLIENTS,
	DOCTOR_AREA_PORTS, DOCTOR_AREA_CERTIFICATE, DOCTOR_AREA_MACHINE,
	DOCTOR_AREA_SETTINGS, DOCTOR_AREA_RUNNING, DOCTOR_AREAS
};

enum doctor_severity { DOCTOR_NOTE, DOCTOR_WARNING, DOCTOR_ERROR };

enum doctor_id {
	DOCTOR_HOST_SHORT, DOCTOR_HOST_LOCALHOST, DOCTOR_DOMAIN_SUFFIX,
	DOCTOR_HOST_NO_ADDRESS, DOCTOR_HOST_ELSEWHERE, DOCTOR_HOST_BEHIND_NAT,
	DOCTOR_HELO_NO_ADDRESS,

	DOCTOR_DNS_UNASKED, DOCTOR_DNS_OUTSIDE_SILENT, DOCTOR_DNS_FAILED,
	DOCTOR_DNS_BOGUS, DOCTOR_DNS_DIFFERS, DOCTOR_DOMAIN_NONE,
	DOCTOR_DOMAIN_UNKNOWN, DOCTOR_MX_MISSING, DOCTOR_MX_NULL,
	DOCTOR_MX_ELSEWHERE, DOCTOR_MX_NO_ADDRESS, DOCTOR_MX_ALIAS,
	DOCTOR_PTR_MISSING, DOCTOR_PTR_UNCONFIRMED, DOCTOR_PTR_OTHER,
	DOCTOR_ZONE_NO_DS, DOCTOR_ZONE_OTHER_DS, DOCTOR_BLOCKLISTED,

	DOCTOR_SPF_MISSING, DOCTOR_SPF_MANY, DOCTOR_SPF_BROKEN,
	DOCTOR_SPF_FAILS, DOCTOR_SPF_LOOKUPS, DOCTOR_SPF_ANYBODY,
	DOCTOR_DMARC_MISSING, DOCTOR_DMARC_MANY, DOCTOR_DMARC_BROKEN,
	DOCTOR_DKIM_MISSING, DOCTOR_DKIM_BROKEN,
	DOCTOR_TLSA_MISMATCH, DOCTOR_TLSA_UNSIGNED, DOCTOR_TLSA_UNUSABLE,
	DOCTOR_STS_RECORD, DOCTOR_STS_NO_POLICY, DOCTOR_STS_POLICY,
	DOCTOR_STS_MX, DOCTOR_STS_ID, DOCTOR_STS_MODE, DOCTOR_TLS_OPTIONAL, DOCTOR_TLSRPT_MISSING,
	DOCTOR_TLSRPT_BROKEN,

	DOCTOR_SRV_OTHER, DOCTOR_CLIENT_RECORDS, DOCTOR_NAME_ELSEWHERE,
	DOCTOR_PAGE_MISSING, DOCTOR_PAGE_OTHER,

	DOCTOR_PORT_IS_CLOSED, DOCTOR_PORT_IS_MUTE, DOCTOR_PORT_IS_OTHERS,
	DOCTOR_PORT_TAKEN, DOCTOR_PORT_TLS_FAILS, DOCTOR_STARTTLS_MISSING, DOCTOR_OTHER_SERVER,
	DOCTOR_OPEN_RELAY, DOCTOR_POSTMASTER_REFUSED, DOCTOR_ABUSE_REFUSED,

	DOCTOR_CERTIFICATE_UNREADABLE, DOCTOR_CERTIFICATE_EXPIRED,
	DOCTOR_CERTIFICATE_ENDS, DOCTOR_CERTIFICATE_EARLY,
	DOCTOR_CERTIFICATE_NAME, DOCTOR_CERTIFICATE_SELF,
	DOCTOR_CERTIFICATE_CHAIN, DOCTOR_CERTIFICATE_OLD,
	DOCTOR_ACME_WAITS, DOCTOR_ACME_NONE, DOCTOR_ACME_FAILS,
	DOCTOR_ACME_LEFT,
	DOCTOR_CAA_FORBIDS,

	DOCTOR_CLOCK_WRONG, DOCTOR_CLOCK_FREE, DOCTOR_DISK_FULL,
	DOCTOR_INODES_FULL, DOCTOR_FILE_READABLE, DOCTOR_FILE_WRITABLE,
	DOCTOR_FILE_OWNER, DOCTOR_DROP_MODE, DOCTOR_SENDMAIL_MODE,
	DOCTOR_SPOOL_MODE, DOCTOR_LANDLOCK,

	DOCTOR_PARAMETER, DOCTOR_SOURCES, DOCTOR_NETWORKS_OPEN,
	DOCTOR_NETWORKS_WIDE, DOCTOR_PLAINTEXT, DOCTOR_SHUT_OUT,
	DOCTOR_ALIASES_STALE, DOCTOR_ROOT_UNREAD,

	DOCTOR_STOPPED, DOCTOR_PROCESS_DOWN, DOCTOR_PROCESS_RESTARTS,
	DOCTOR_QUEUE_OLD, DOCTOR_QUEUE_LONG, DOCTOR_QUEUE_DAMAGED,
	DOCTOR_LOG_ERRORS,
	DOCTOR_IDS
};

struct doctor_check {
	const char *name;		/* "mx-missing" */
	enum doctor_area area;
	enum doctor_severity severity;
	/* In English, for gettext; {1} to {4} stand for what was found. */
	const char *sentence, *advice;
};

extern const struct doctor_check doctor_checks[DOCTOR_IDS];
extern const char *const doctor_area_names[DOCTOR_AREAS];
extern const char *const doctor_severity_names[3];

enum { DOCTOR_ARGUMENTS = 4, DOCTOR_FINDINGS_LIMIT = 200 };

struct doctor_finding {
	enum doctor_id id;
	const char *argument[DOCTOR_ARGUMENTS];	/* NULL: not used */
};

struct doctor_report {
	struct doctor_finding finding[DOCTOR_FINDINGS_LIMIT];
	size_t count;			/* those beyond are left out */
};

/* With arguments for {1} and so on, ended by NULL. The same again is passed
 * over. Borrowed. */
#define doctor_add(report, id, ...) \
	doctor_report_add(report, id, (const char *const[DOCTOR_ARGUMENTS + 1]){ \
		__VA_ARGS__ __VA_OPT__(,) NULL })
void
doctor_report_add(struct doctor_report *report, enum doctor_id id,
	const char *const *arguments);

/* The text with the finding's arguments in place of {1}; nothing else of a
 * translation is understood. */
void
doctor_finding_print(const struct doctor_finding *finding, const char *text,
	struct buffer *out);

/* Anything that is more than a note? */
bool
doctor_report_is_bad(const struct doctor_report *report);

/* All judges. */
void
doctor_judge(struct doctor_facts *facts, struct doctor_report *report);

typedef void
doctor_judge_function(struct doctor_facts *facts,
	struct doctor_report *report);
doctor_judge_function doctor_judge_host, doctor_judge_records,
	doctor_judge_addresses, doctor_judge_mail_policy,
	doctor_judge_tls_policy, doctor_judge_clients, doctor_judge_ports,
	doctor_judge_certificate, doctor_judge_machine, doctor_judge_settings,
	doctor_judge_running;

/* Is it an address of an interface of ours? */
bool
doctor_is_own(const struct doctor_facts *facts,
	const struct network_address *address);
/* The i-th address that others see mail come from: behind a router that
 * translates, the one that the host's name has. */
struct network_address
doctor_sender_seen(struct doctor_facts *facts, size_t i);
/* Is it the name of this host, or leads to an address of ours? */
bool
doctor_leads_here(struct doctor_facts *facts, const char *host);
/* The same, or to an address of this host's name (which may be that of a
 * router before it). */
bool
doctor_is_at_host(struct doctor_facts *facts, const char *name);
/* Is it for this name? True as long as none is known. */
bool
doctor_certificate_covers(const struct doctor_facts *facts, const char *name);
/* Private or not routed: RFC 1918, RFC 6598, RFC 4193, link-local. */
bool
doctor_is_private(const struct network_address *address);
/* Does an address record of the answer say so? */
bool
doctor_answer_has(const struct doctor_answer *answer,
	const struct network_address *address);
/* Does this name of a certificate cover the host (RFC 9525 6.3)? */
bool
doctor_name_covers(const char *pattern, const char *host);

#endif

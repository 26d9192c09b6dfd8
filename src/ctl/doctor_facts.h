/*
 * What `posthouse doctor` knows when it judges: facts, without a word of what
 * they mean. Collecting them is doctor_look*.c, doctor_ask.c and
 * doctor_probe.c; tests write them down. Strings live in the arena.
 */
#ifndef CTL_DOCTOR_FACTS_H
#define CTL_DOCTOR_FACTS_H

#include "base/arena.h"
#include "base/config.h"
#include "base/network.h"
#include "ctl/doctor_answer.h"

/* ---- what is listened on ---- */

enum doctor_port_state {
	DOCTOR_PORT_UNTRIED,
	DOCTOR_PORT_CLOSED,	/* no connection */
	DOCTOR_PORT_MUTE,	/* a connection, and no greeting */
	DOCTOR_PORT_OTHER,	/* a greeting that is not ours */
	DOCTOR_PORT_NO_TLS,	/* the handshake failed */
	DOCTOR_PORT_ANSWERS,
};

struct doctor_port {
	const char *service;		/* "imaps" */
	const char *address;		/* "192.0.2.1:993" */
	enum doctor_port_state state;
	const char *said;		/* greeting, or why not */
	bool lacks_starttls;		/* where it is to be offered */
};

/* A port of ours that another program has, and may have. */
struct doctor_taken {
	const char *service, *parameter;	/* "domain", "dns_port" */
	unsigned port;
	const char *address, *program;		/* of the other */
};

/* A recipient that the SMTP port was asked for, without sending anything. */
struct doctor_recipient {
	const char *address;
	bool is_strangers;	/* no domain of ours, asked as a stranger */
	unsigned code;		/* of the reply; 0: none */
};

enum doctor_page_kind {
	DOCTOR_PAGE_POLICY,		/* of MTA-STS */
	DOCTOR_PAGE_AUTOCONFIG, DOCTOR_PAGE_AUTODISCOVER
};

/* A document, as the web has it. */
struct doctor_page {
	enum doctor_page_kind kind;
	const char *domain, *host;
	const char *text;	/* NULL: none */
	const char *reason;	/* why */
};

/* ---- certificates ---- */

enum { DOCTOR_CHAIN_LIMIT = 8 };

struct doctor_certificate {
	bool is_known;
	int64_t begins, ends;		/* wall ms */
	const char **name;		/* DNS names of the first */
	size_t name_count;
	bool is_self_signed;
	const char *trouble;		/* of its chain; NULL: it is trusted */
	/* DER of each, and of its SubjectPublicKeyInfo; the server's first */
	struct span der[DOCTOR_CHAIN_LIMIT], key[DOCTOR_CHAIN_LIMIT];
	size_t count;
};

/* Of ACME, as hostmaster says; all of it empty while it does not run. */
struct doctor_acme {
	const char *names, *trouble;	/* of its certificate; of the last try */
	bool is_waiting;		/* nobody was asked yet */
	const char *left_out;		/* names that it is without, and why */
};

/* ---- the machine ---- */

struct doctor_disk {
	const char *parameter, *path;
	uint64_t free, total;		/* bytes; free for those who are not root */
	uint64_t inodes_free, inodes;	/* 0 inodes: it does not count them */
};

enum doctor_file_kind {
	DOCTOR_FILE_SECRET,	/* nobody but its owner may read it */
	DOCTOR_FILE_OWN,	/* only root or its owner may change it */
	DOCTOR_FILE_DROP,	/* 01730 with sendmail's group */
	DOCTOR_FILE_SENDMAIL,	/* set-group-ID of that group */
	DOCTOR_FILE_SPOOL,	/* /var/mail: group mail, or sticky */
};

struct doctor_file {
	enum doctor_file_kind kind;
	const char *path;
	bool is_there;
	unsigned mode, uid, gid;
	unsigned wanted_uid, wanted_gid;	/* UINT32_MAX: any */
};

struct doctor_clock {
	bool is_synchronised;		/* as the kernel has been told */
	const char *server;		/* NTP server that answered; or NULL */
	int64_t offset;			/* ms that we are ahead of it */
};

/* ---- the running system ---- */

struct doctor_process {
	const char *name;
	unsigned instance, restarts;
	int64_t pid, uptime;		/* 0: it does not run; s */
};

struct doctor_queue {
	bool is_known;
	uint64_t waiting, damaged;	/* recipients; messages */
	int64_t oldest;			/* wall ms; 0: none */
	const char *error;		/* the last one of the oldest */
};

struct doctor_log {
	uint64_t errors;		/* lines of the last day */
	const char *last;
};

struct doctor_login {
	const char *user, *address;	/* of the last days */
};

struct doctor_alias_file {
	const char *path;
	bool is_stale;			/* changed after it was compiled */
	bool names_root;		/* has an entry for root */
};

struct doctor_facts {
	struct arena *arena;
	const struct config *config;
	int64_t now;			/* wall ms */

	const char **domain;		/* mail domains */
	size_t domain_count;
	const char **selector;		/* DKIM keys to look for */
	size_t selector_count;
	struct network_address *own;	/* of the interfaces; no loopback */
	size_t own_count;
	struct network_address *sender;	/* from which mail is sent */
	size_t sender_count;

	struct doctor_answers answers;
	struct doctor_wanted *wanted;
	size_t wanted_count;
	struct doctor_key *key;
	size_t key_count;
	struct doctor_port *port;
	size_t port_count;
	struct doctor_taken *taken;
	size_t taken_count;
	struct doctor_recipient *recipient;
	size_t recipient_count;
	struct doctor_page *page;
	size_t page_count;
	unsigned *strange_port;		/* mail ports where others listen */
	size_t strange_port_count;

	struct doctor_certificate served, in_file;
	const char *certificate_trouble;	/* of the files; or NULL */
	struct doctor_acme acme;

	struct doctor_disk *disk;
	size_t disk_count;
	struct doctor_file *file;
	size_t file_count;
	struct doctor_clock clock;
	int landlock;			/* version; below 1: none */

	bool is_running;
	struct doctor_process *process;
	size_t process_count;
	struct doctor_queue queue;
	struct doctor_log log;
	struct doctor_login *login;
	size_t login_count;
	struct doctor_alias_file *alias_file;
	size_t alias_file_count;
	bool has_root_alias;		/* made with posthouse alias add */
	const char *source_trouble;	/* accounts, tables, zones; or NULL */
};

/*
 * The answer to a question. One that was not asked before is put on the list,
 * UNASKED, for whoever asks next: a judge says what it needs by looking at it.
 * Never NULL.
 */
const struct doctor_answer *
doctor_answer_of(struct doctor_facts *facts, enum doctor_view view,
	const char *name, uint16_t type);

/* The same from the best view there is: outside, else inside. */
const struct doctor_answer *
doctor_answer_best(struct doctor_facts *facts, const char *name,
	uint16_t type);

/* A record of it. */
void
doctor_answer_add(struct doctor_facts *facts, struct doctor_answer *answer,
	struct span text);

/* "MX" */
const char *
doctor_type_name(uint16_t type);

#endif

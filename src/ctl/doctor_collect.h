/*
 * Collecting facts: looking at the machine, asking the running system and the
 * DNS, trying ports. Nothing is changed by it, and everything ends in time.
 * What cannot be had is left out of the facts.
 */
#ifndef CTL_DOCTOR_COLLECT_H
#define CTL_DOCTOR_COLLECT_H

#include <openssl/ssl.h>

#include "ctl/doctor.h"

/* ---- this machine: at once ---- */

void
doctor_look_machine(struct doctor_facts *facts);
void
doctor_look_files(struct doctor_facts *facts);

/* Asks an NTP server (RFC 4330) for the time; within 2 s. */
void
doctor_look_clock(struct doctor_facts *facts, const char *server);

/* Lines of the log of the last day. */
void
doctor_look_log(struct doctor_facts *facts);

/* The certificate of tls_cert_file, and whether its key is in tls_key_file. */
void
doctor_look_certificate(struct doctor_facts *facts);

/* From a chain, the server's first. `trouble` is a code of X509_V_*. */
void
doctor_certificate_read(struct arena *arena, STACK_OF(X509) *chain,
	long trouble, struct doctor_certificate *certificate);

/* ---- the running system ---- */

/* Processes, domains with what they need, certificates, and the queue. */
void
doctor_look_system(struct doctor_facts *facts);

/* Who has ports that the system goes without. */
void
doctor_look_taken(struct doctor_facts *facts);

/* Policies of domains that announce one, settings for mail programs where their
 * names lead to this host; within a few seconds (doctor_look_pages.c). */
void
doctor_look_pages(struct doctor_facts *facts);

/* ---- the DNS ---- */

/* Asks all that the judges want to know, until the deadline (monotonic ms).
 * resolver: "ADDRESS[@PORT]" to be the one outside, or NULL. */
void
doctor_ask(struct doctor_facts *facts, const char *resolver, int64_t deadline);

/* ---- ports ---- */

struct doctor_probes;

/* Tries every listener, each on a thread of its own. */
struct doctor_probes *
doctor_probes_start(const struct doctor_facts *facts, int64_t deadline);

/* Waits for them, takes over what they found. The strings live until
 * doctor_probes_free. */
void
doctor_probes_end(struct doctor_probes *probes, struct doctor_facts *facts);
void
doctor_probes_free(struct doctor_probes **probes);

#endif

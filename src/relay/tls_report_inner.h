/* Inside TLS reports: what tls_report.c and tls_report_offer.c share. */
#ifndef RELAY_TLS_REPORT_INNER_H
#define RELAY_TLS_REPORT_INNER_H

#include <pthread.h>

#include "relay/tls_report.h"

struct tls_reports {
	pthread_mutex_t lock;		/* of the next four */
	struct tlsrpt_counts counts;
	struct tls_report_rules rules;
	bool is_changed;		/* since it was written */
	int64_t saved;			/* monotonic ms */
	pthread_mutex_t file_lock;	/* of the file; taken first */
	struct pair_file *file;		/* or NULL */
	struct tls_report_world world;
};

/* Writes what has changed, when the last time is long enough ago. */
void
tls_reports_save(struct tls_reports *reports, int64_t wait);

#endif

/* How the system is: for programs that watch over it. */
#ifndef WEB_METRICS_H
#define WEB_METRICS_H

#include "serve/watch.h"
#include "web/page.h"

/* /metrics: all counters as OpenMetrics, for clients near us only. */
void
metrics_answer(const struct question *question, struct answer *answer);

/* /health: 200 or 503; who is down is said to clients near us only. */
void
metrics_answer_health(const struct question *question, struct answer *answer);

/* The text of OpenMetrics 1.0. Pure. */
void
metrics_write(struct buffer *out, const struct watched *rows, size_t count);

#endif

/* Settings for Outlook: autodiscover in its XML form, and the JSON that says
 * where that is. */
#ifndef WEB_AUTODISCOVER_H
#define WEB_AUTODISCOVER_H

#include "web/page.h"

/* /autodiscover/autodiscover.xml, POST */
void
autodiscover_answer(const struct question *question, struct answer *answer);

/* /autodiscover/autodiscover.json, with ?Email= or /v1.0/ADDRESS */
void
autodiscover_answer_json(const struct question *question,
	struct answer *answer);

#endif

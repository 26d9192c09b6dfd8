/* What all conversations share. */
#include "smtpd/smtpd.h"

#include <string.h>

#include "base/memory.h"
#include "smtpd/conversation.h"

struct smtpd *
smtpd_new(struct lot *lot, unsigned workers, const struct config *config,
	int spill)
{
	struct smtpd *smtpd = memory_new(sizeof(*smtpd));
	const struct rules *rules = rules_new(config, NULL);
	smtpd->lot = lot;
	smtpd->rules = rules;
	smtpd->directory = directory_new(lot, workers / 6);
	smtpd->sasl = sasl_caller_new(lot);
	smtpd->queue = wire_pool_new(lot, "queue-smtp", 0);
	turnstile_init(&smtpd->queue_turnstile, workers / 2);
	turnstile_init(&smtpd->tls_turnstile, workers / 2);
	smtpd->tls = wire_set_new(lot, "tls-accept",
		(unsigned)config_number(config, "tls_processes"));
	smtpd->limits = limit_table_new(rules->rate_unit);
	smtpd->unanswered = unanswered_new();
	smtpd->spill = spill;
	return smtpd;
}

void
smtpd_free(struct smtpd **smtpd)
{
	if (*smtpd == NULL)
		return;
	const struct rules *rules = atomic_load(&(*smtpd)->rules);
	rules_free(&rules);
	directory_free(&(*smtpd)->directory);
	sasl_caller_free(&(*smtpd)->sasl);
	wire_pool_free(&(*smtpd)->queue);
	turnstile_fini(&(*smtpd)->queue_turnstile);
	turnstile_fini(&(*smtpd)->tls_turnstile);
	wire_set_free(&(*smtpd)->tls);
	limit_table_free(&(*smtpd)->limits);
	unanswered_free(&(*smtpd)->unanswered);
	memory_free(*smtpd);
	*smtpd = NULL;
}

void
smtpd_reload(struct smtpd *smtpd, const struct config *config)
{
	atomic_store(&smtpd->rules, rules_new(config,
		atomic_load(&smtpd->rules)));
	sasl_caller_refresh(smtpd->sasl);
}

static enum smtp_service
service_of(const char *name)
{
	static const struct {
		const char *name;
		enum smtp_service service;
	} services[] = {
		{ "submission", SERVICE_SUBMISSION },
		{ "submissions", SERVICE_SUBMISSIONS },
		{ "lmtp", SERVICE_LMTP },
	};
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
		if (strcmp(name, services[i].name) == 0)
			return services[i].service;
	return SERVICE_SMTP;
}

void
smtpd_accept(struct smtpd *smtpd, struct incoming *incoming)
{
	conversation_begin(smtpd, service_of(incoming->service), incoming);
}

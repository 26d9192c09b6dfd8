/*
 * The table of pages, and who is sent elsewhere.
 */
#include "web/page.h"

#include <stdio.h>

#include "web/autoconfig.h"
#include "web/autodiscover.h"
#include "web/metrics.h"
#include "web/profile.h"
#include "web/welcome.h"
#include "web/well_known.h"

enum {
	ON_HTTP = 1,		/* also without TLS; else sent to https */
	BELOW = 2,		/* what is below the path, too */
};

/* hosts: a label in front of the domain ("autoconfig."), or NULL: any. */
static const struct page {
	const char *label, *path;
	bool may_post;
	unsigned flags;
	void (*answer)(const struct question *question, struct answer *answer);
} pages[] = {
	{ NULL, "/", false, 0, welcome_answer },
	/* By http too: mail programs ask there when the host has no certificate
	 * for the name, and believe no less than by DNS. */
	{ NULL, "/mail/config-v1.1.xml", false, ON_HTTP, autoconfig_answer },
	{ NULL, "/.well-known/autoconfig/mail/config-v1.1.xml", false, ON_HTTP,
		autoconfig_answer },
	{ NULL, "/autodiscover/autodiscover.xml", true, 0,
		autodiscover_answer },
	{ NULL, "/autodiscover/autodiscover.json", false, BELOW,
		autodiscover_answer_json },
	{ NULL, "/mobileconfig", false, 0, profile_answer },
	{ "mta-sts.", "/.well-known/mta-sts.txt", false, 0, well_known_policy },
	{ NULL, "/.well-known/acme-challenge/", false, ON_HTTP | BELOW,
		well_known_challenge },
	{ NULL, "/health", false, ON_HTTP, metrics_answer_health },
	{ NULL, "/metrics", false, ON_HTTP, metrics_answer },
};

static const struct page *
find_page(const struct question *question)
{
	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
		const struct page *page = &pages[i];
		if (page->label != NULL && !span_starts(question->host,
		    span_from(page->label)))
			continue;
		struct span path = span_from(page->path);
		if (span_equals_nocase(question->path, path) ||
		    ((page->flags & BELOW) != 0 &&
		    span_starts_nocase(question->path, path)))
			return page;
	}
	return NULL;
}

/* Is it one of the names that a redirect may lead to: the mail host, a domain of
 * ours, a service of one? */
static bool
is_ours(const struct question *question)
{
	struct domains *domains = question->web->domains;
	struct span host = question->host;
	struct span behind = span_skip(host, span_find(host, '.') + 1);
	return span_equals_nocase(host, span_from(question->rules->hostname)) ||
		domains_judge(domains, host) == DOMAINS_OURS ||
		domains_judge(domains, behind) == DOMAINS_OURS;
}

/* To the same page by TLS; 308 would repeat what was posted in plain. Never to
 * where a stranger's Host field says. */
static void
redirect(const struct question *question, struct answer *answer)
{
	const struct web_rules *rules = question->rules;
	struct span host = is_ours(question) ? question->host :
		span_from(rules->hostname);
	struct span path = question->request->path;
	struct span query = question->request->query;
	char port[16] = "";
	if (rules->https_port != 443)
		snprintf(port, sizeof(port), ":%u", rules->https_port);
	page_status(answer, 302);
	answer->location = arena_print(question->arena, "https://%.*s%s%.*s%s%.*s",
		SPAN_PRINT(host), port, SPAN_PRINT(path),
		query.size > 0 ? "?" : "", SPAN_PRINT(query)).data;
}

/*
 * HSTS (RFC 6797 7.2) is said by TLS only, for the mail host only: a domain's own
 * name may have pages of its own elsewhere tomorrow. It changes no port but 80 to
 * 443 (8.3), so that with other ports it would lead nowhere.
 */
static bool
is_strict(const struct question *question)
{
	return question->is_tls && question->rules->https_port == 443 &&
		span_equals_nocase(question->host,
			span_from(question->rules->hostname));
}

void
page_answer(const struct question *question, struct answer *answer)
{
	const struct page *page = find_page(question);
	enum http_method method = question->request->method;
	answer->is_strict = is_strict(question);
	if (method == HTTP_UNKNOWN) {
		page_status(answer, 501);	/* RFC 9110 9.1 */
	} else if (page == NULL) {
		page_status(answer, 404);
	} else if (method == HTTP_OTHER || (method == HTTP_POST &&
	    !page->may_post)) {
		page_status(answer, 405);
		answer->allow = page->may_post ? "GET, HEAD, POST" :
			"GET, HEAD";
	} else if (!question->is_tls && (page->flags & ON_HTTP) == 0 &&
	    question->rules->https_port != 0 &&
	    question->client->family != AF_UNIX) {
		redirect(question, answer);
	} else {
		page->answer(question, answer);
	}
}

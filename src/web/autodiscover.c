/*
 * Autodiscover ("plain old XML") as MS-OXDSCLI has it for servers of IMAP, POP3
 * and SMTP. The login name is repeated as it was asked, whoever it is.
 */
#include "web/autodiscover.h"

#include <stdio.h>

#include "web/mail_domain.h"
#include "web/markup.h"
#include "web/path.h"
#include "web/xml_element.h"

#define SCHEMA "http://schemas.microsoft.com/exchange/autodiscover/"
#define OUTLOOK SCHEMA "outlook/responseschema/2006a"

static void
begin(struct answer *answer, const char *schema)
{
	answer->type = "text/xml; charset=utf-8";
	buffer_clear(&answer->body);
	buffer_print(&answer->body,
		"<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
		"<Autodiscover xmlns=\"" SCHEMA "responseschema/2006\">\n"
		"<Response xmlns=\"%s\">\n", schema);
}

static void
end(struct answer *answer)
{
	buffer_add_string(&answer->body, "</Response>\n</Autodiscover>\n");
}

/* 600: the request is none; 601: nothing of that kind here. */
static void
fail(struct answer *answer, unsigned code, const char *sentence)
{
	answer->status = 200;
	begin(answer, SCHEMA "responseschema/2006");
	buffer_print(&answer->body, "<Error Time=\"00:00:00\" Id=\"0\">\n"
		"<ErrorCode>%u</ErrorCode>\n<Message>%s</Message>\n"
		"<DebugData/>\n</Error>\n", code, sentence);
	end(answer);
}

static void
add_service(struct buffer *out, const struct settings *settings,
	enum settings_protocol protocol, struct span address)
{
	static const char *const types[] = { [SETTINGS_IMAP] = "IMAP",
		[SETTINGS_POP3] = "POP3", [SETTINGS_SMTP] = "SMTP" };
	const struct settings_service *service = settings_best(settings,
		protocol);
	if (service == NULL)
		return;
	buffer_print(out, "<Protocol>\n<Type>%s</Type>\n<Server>",
		types[protocol]);
	markup_add(out, span_from(settings->hostname));
	buffer_print(out, "</Server>\n<Port>%u</Port>\n"
		"<DomainRequired>off</DomainRequired>\n<LoginName>",
		service->port);
	markup_add(out, address);
	buffer_print(out, "</LoginName>\n<SPA>off</SPA>\n<SSL>on</SSL>\n"
		"<Encryption>%s</Encryption>\n<AuthRequired>on</AuthRequired>\n",
		service->is_tls ? "SSL" : "TLS");
	if (protocol == SETTINGS_SMTP)
		buffer_add_string(out, "<UsePOPAuth>off</UsePOPAuth>\n"
			"<SMTPLast>off</SMTPLast>\n");
	buffer_add_string(out, "</Protocol>\n");
}

void
autodiscover_answer(const struct question *question, struct answer *answer)
{
	struct span address, schema, domain;
	const struct settings *settings = &question->rules->settings;
	if (!xml_element(question->body, SPAN("EMailAddress"), question->arena,
	    &address) ||
	    !mail_domain_is_address(address)) {
		fail(answer, 600, "Invalid Request");
		return;
	}
	if (xml_element(question->body, SPAN("AcceptableResponseSchema"),
	    question->arena, &schema) && !span_equals(schema, SPAN(OUTLOOK))) {
		fail(answer, 601, "Provider is not available");
		return;
	}
	if (!mail_domain_find(question, "autodiscover.", address, &domain,
	    answer)) {
		if (answer->status == 404)
			fail(answer, 601, "Provider is not available");
		return;
	}
	begin(answer, OUTLOOK);
	buffer_add_string(&answer->body, "<Account>\n"
		"<AccountType>email</AccountType>\n<Action>settings</Action>\n");
	add_service(&answer->body, settings, SETTINGS_IMAP, address);
	add_service(&answer->body, settings, SETTINGS_POP3, address);
	add_service(&answer->body, settings, SETTINGS_SMTP, address);
	buffer_add_string(&answer->body, "</Account>\n");
	end(answer);
}

/* ---- JSON ---- */

/* The address behind the version in the path, or in the query. */
static bool
find_address(const struct question *question, struct span *address)
{
	struct span rest = question->path;
	size_t slash = rest.size;
	if (path_query(question->request->query, SPAN("email"),
	    question->arena, address))
		return true;
	for (size_t i = 0; i < rest.size; i++)
		if (rest.data[i] == '/')
			slash = i;
	*address = span_skip(rest, slash + 1);
	return span_find(*address, '@') < address->size;
}

/* As Outlook expects it whatever is wrong. */
static void
fail_json(struct answer *answer, unsigned status, const char *code,
	const char *sentence)
{
	answer->status = status;
	answer->type = "application/json; charset=utf-8";
	buffer_clear(&answer->body);
	buffer_print(&answer->body, "{\"ErrorCode\":\"%s\",\"ErrorMessage\":"
		"\"%s\"}\n", code, sentence);
}

void
autodiscover_answer_json(const struct question *question,
	struct answer *answer)
{
	struct span address = span_of("", 0), protocol = address, domain;
	unsigned port = question->rules->https_port;
	char suffix[16] = "";
	if (!find_address(question, &address) ||
	    !mail_domain_is_address(address)) {
		fail_json(answer, 404, "InvalidRequest",
			"There is no address in the request");
		return;
	}
	if (!mail_domain_find(question, "autodiscover.", address, &domain,
	    answer)) {
		if (answer->status == 404)
			fail_json(answer, 404, "DomainNotFound",
				"The domain is not served here");
		return;
	}
	path_query(question->request->query, SPAN("protocol"),
		question->arena, &protocol);
	if (!span_equals_nocase(protocol, SPAN("AutodiscoverV1"))) {
		fail_json(answer, 400, "InvalidProtocol",
			"The protocol is not one of: AutodiscoverV1");
		return;
	}
	answer->type = "application/json; charset=utf-8";
	if (port != 443)
		snprintf(suffix, sizeof(suffix), ":%u", port);
	/* The mail host: its name is the one that the certificate has. */
	buffer_print(&answer->body, "{\"Protocol\":\"AutodiscoverV1\",\"Url\":"
		"\"https://%s%s/autodiscover/autodiscover.xml\"}\n",
		question->rules->hostname, suffix);
}

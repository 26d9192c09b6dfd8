/*
 * Mozilla's autoconfig, config-v1.1 (draft-bucksch-autoconfig). The same for
 * every local part; the best service of each protocol stands first.
 */
#include "web/autoconfig.h"

#include "web/mail_domain.h"
#include "web/markup.h"
#include "web/path.h"

static void
add_server(struct buffer *out, const struct settings *settings,
	const struct settings_service *service)
{
	static const char *const types[] = { [SETTINGS_IMAP] = "imap",
		[SETTINGS_POP3] = "pop3", [SETTINGS_SMTP] = "smtp" };
	const char *element = service->protocol == SETTINGS_SMTP ?
		"outgoingServer" : "incomingServer";
	buffer_print(out, "    <%s type=\"%s\">\n      <hostname>", element,
		types[service->protocol]);
	markup_add(out, span_from(settings->hostname));
	buffer_print(out, "</hostname>\n      <port>%u</port>\n"
		"      <socketType>%s</socketType>\n"
		"      <authentication>password-cleartext</authentication>\n"
		"      <username>%%EMAILADDRESS%%</username>\n    </%s>\n",
		service->port, service->is_tls ? "SSL" : "STARTTLS", element);
}

void
autoconfig_answer(const struct question *question, struct answer *answer)
{
	struct span address = span_of("", 0), domain;
	struct buffer *out = &answer->body;
	const struct settings *settings = &question->rules->settings;
	path_query(question->request->query, SPAN("emailaddress"),
		question->arena, &address);
	if (!mail_domain_find(question, "autoconfig.", address, &domain,
	    answer))
		return;
	answer->type = "text/xml; charset=utf-8";
	buffer_add_string(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<clientConfig version=\"1.1\">\n  <emailProvider id=\"");
	markup_add(out, domain);
	buffer_add_string(out, "\">\n    <domain>");
	markup_add(out, domain);
	buffer_add_string(out, "</domain>\n    <displayName>");
	markup_add(out, domain);
	buffer_add_string(out, "</displayName>\n    <displayShortName>");
	markup_add(out, domain);
	buffer_add_string(out, "</displayShortName>\n");
	for (size_t i = 0; i < settings->count; i++)
		add_server(out, settings, &settings->service[i]);
	buffer_add_string(out, "  </emailProvider>\n</clientConfig>\n");
}

/* The wires that hostmaster answers. */
#ifndef HOSTMASTER_SERVICE_H
#define HOSTMASTER_SERVICE_H

#include "serve/listener.h"

/* hostmaster-admin: the operator's command. */
void
service_accept_admin(struct lot *lot, struct incoming *incoming);

/* hostmaster-web: what stands at addresses that authorities look at. */
void
service_accept_web(struct lot *lot, struct incoming *incoming);

#endif

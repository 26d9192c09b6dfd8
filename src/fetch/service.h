/* The wire fetch-https: requests in lines of the operators' form. */
#ifndef FETCH_SERVICE_H
#define FETCH_SERVICE_H

#include "serve/listener.h"

void
service_accept(struct lot *lot, struct incoming *incoming);

#endif

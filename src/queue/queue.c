/*
 * What the sessions of the queue share.
 */
#include "queue/queue.h"

#include <assert.h>

void
queue_init(struct queue *queue, struct lot *lot, unsigned processes)
{
	*queue = (struct queue){ .lot = lot };
	queue->server = (struct mail_server){ .hostname = "queue", .spill = -1,
		.deliver = receive_transaction, .context = queue };
	queue->operator = (struct admin_server){ queue_operator_commands, queue };
	pthread_mutex_init(&queue->lock, NULL);
	expander_init(&queue->expander, lot);
	deliverer_init(&queue->deliverer, lot, processes);
	queue->relay = wire_pool_new(lot, "relay-lmtp", 0);
	wire_pool_set_most(queue->relay, QUEUE_RELAY_CALLS);
	retry_init(&queue->retry, queue);
	struct routes *routes;
	struct error error;
	int result = routes_new(SPAN(""), SPAN(""), "", &routes, &error);
	assert(result == 0);
	queue_set_routes(queue, &routes);
}

void
queue_fini(struct queue *queue)
{
	expander_fini(&queue->expander);
	deliverer_fini(&queue->deliverer);
	wire_pool_free(&queue->relay);
	struct routes *routes = (struct routes *)queue_routes(queue);
	routes_free(&routes);
	pthread_mutex_destroy(&queue->retry.lock);
	pthread_mutex_destroy(&queue->lock);
}

void
queue_set_rules(struct queue *queue, const struct attempt_rules *rules)
{
	pthread_mutex_lock(&queue->lock);
	queue->rules = *rules;
	pthread_mutex_unlock(&queue->lock);
}

struct attempt_rules
queue_rules(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	struct attempt_rules rules = queue->rules;
	pthread_mutex_unlock(&queue->lock);
	return rules;
}

void
queue_set_report_rules(struct queue *queue, const struct report_rules *rules)
{
	pthread_mutex_lock(&queue->lock);
	queue->reports = *rules;
	pthread_mutex_unlock(&queue->lock);
}

struct report_rules
queue_report_rules(struct queue *queue)
{
	pthread_mutex_lock(&queue->lock);
	struct report_rules rules = queue->reports;
	pthread_mutex_unlock(&queue->lock);
	return rules;
}

void
queue_set_routes(struct queue *queue, struct routes **routes)
{
	struct routes *new = *routes;
	*routes = NULL;
	routes_keep(new, queue_routes(queue));
	atomic_store(&queue->routes, new);
}

const struct routes *
queue_routes(const struct queue *queue)
{
	return atomic_load(&queue->routes);
}

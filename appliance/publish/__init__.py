"""MQTT: topics, payloads, and the client that empties the store's outbox."""

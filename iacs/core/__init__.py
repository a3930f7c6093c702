"""What every module stands on; it knows no injector. Each part is its first file, the others are its inside.

config              setting_types, setting_sources, setting_problems, setting_display
exceptions          the tree of errors
logger              bound_logger, log_line, redaction, secret_text
database            transaction, engine, workers, writer_turn, interrupt, schema_versions, sql_script,
                    database_errors; clock and lease stand beside it
events              what every carrier promises; event_json, event_buffer, dead_letter serve all of them
  kafka_client      kafka_producer, kafka_consumer, kafka_batch, kafka_driver, kafka_connection, kafka_records
  event_log         event_log_group, event_log_reader, event_log_records
  outbox            events written in the caller's transaction
http_client         http_session: one for Microsoft's cloud
encryption          key_ring: secrets at rest
oauth_client        authority, client_credential, client_certificate, id_token, token_set, oauth_claims,
                    oauth_errors, oauth_hints
token_service       token_store, token_renewal, single_flight
"""

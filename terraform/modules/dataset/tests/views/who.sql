SELECT timestamp, jsonPayload.audit.actor_id FROM `${project}.${audit}.run_googleapis_com_stdout`

"""The invariants of a consistent store.

Legal states, and therefore not covered: chunks and passages of a document in no namespace (its owner reads
it, and another namespace can reuse its embeddings), citations whose document or vector is gone (the quote
stays), and queued or failed ingestions.
"""

import msgspec


class Check(msgspec.Struct, frozen=True):
    """An invariant, the fix if it is violated, and SQL that selects the violations as one text column."""

    name: str
    rule: str
    advice: str
    query: str = ""


_RELINK = "Remove the document from the namespace and add it again; its vectors are then recreated."
_REREAD = "Delete the document and upload its file again."

CHECKS = (
    Check(
        "vec_id-without-vector",
        "Every vec_id names a vector of the same document in the same namespace",
        _RELINK,
        """SELECT format('namespace %s, document %s: vec_id %s', d.namespace_id, d.doc_id, v)
           FROM namespace_doc d CROSS JOIN unnest(d.vec_id) v LEFT JOIN chunk_vector c
             ON c.id::text = v AND c.namespace_id = d.namespace_id AND c.doc_id = d.doc_id
           WHERE c.id IS NULL""",
    ),
    Check(
        "vector-not-listed-once",
        "Every vector is listed by exactly one vec_id",
        _RELINK,
        """SELECT format('vector %s: namespace %s, document %s, listed %s times',
                         c.id, c.namespace_id, c.doc_id, coalesce(listed.times, 0))
           FROM chunk_vector c LEFT JOIN (
             SELECT v, count(*) AS times FROM namespace_doc CROSS JOIN unnest(vec_id) v GROUP BY v
           ) listed ON listed.v = c.id::text
           WHERE listed.times IS DISTINCT FROM 1""",
    ),
    Check(
        "chunk-without-vector",
        "Every chunk of a document has a vector in each namespace of the document",
        _RELINK,
        """SELECT format('namespace %s, document %s: chunk %s', d.namespace_id, d.doc_id, k.ordinal)
           FROM namespace_doc d JOIN chunk k ON k.doc_id = d.doc_id LEFT JOIN chunk_vector c
             ON c.chunk_id = k.id AND c.namespace_id = d.namespace_id
           WHERE c.id IS NULL""",
    ),
    Check(
        "vector-of-another-document",
        "Every vector belongs to the document of its chunk",
        _RELINK,
        """SELECT format('vector %s: document %s, its chunk of document %s', c.id, c.doc_id, k.doc_id)
           FROM chunk_vector c JOIN chunk k ON k.id = c.chunk_id WHERE c.doc_id <> k.doc_id""",
    ),
    Check(
        "held-without-chunks",
        "Every document in a namespace has chunks",
        _REREAD,
        """SELECT format('namespace %s, document %s', d.namespace_id, d.doc_id) FROM namespace_doc d
           WHERE NOT EXISTS (SELECT FROM chunk k WHERE k.doc_id = d.doc_id)""",
    ),
    Check(
        "ready-but-not-held",
        "Every ready ingestion has its chunks in the namespace",
        "Remove the document from the namespace and add it again.",
        """SELECT format('ingestion %s: namespace %s, document %s, %s chunks, %s held',
                         i.id, i.namespace_id, i.doc_id, i.chunks, coalesce(cardinality(d.vec_id), 0))
           FROM ingestion i LEFT JOIN namespace_doc d
             ON d.namespace_id = i.namespace_id AND d.doc_id = i.doc_id
           WHERE i.state = 'ready' AND (i.chunks = 0 OR cardinality(d.vec_id) IS DISTINCT FROM i.chunks)""",
    ),
    Check(
        "half-read",
        "A document has passages and chunks, or neither",
        _REREAD,
        """SELECT format('document %s', coalesce(p.doc_id, k.doc_id))
           FROM (SELECT DISTINCT doc_id FROM passage) p
           FULL JOIN (SELECT DISTINCT doc_id FROM chunk) k ON k.doc_id = p.doc_id
           WHERE p.doc_id IS NULL OR k.doc_id IS NULL""",
    ),
    Check(
        "gap-in-the-text",
        "Passages and chunks are numbered from 0 without a gap",
        _REREAD,
        """SELECT format('document %s: %s %ss, numbered up to %s', doc_id, n, kind, last) FROM (
             SELECT doc_id, 'passage' AS kind, count(*) AS n, max(ordinal) AS last
             FROM passage GROUP BY doc_id
             UNION ALL
             SELECT doc_id, 'chunk', count(*), max(ordinal) FROM chunk GROUP BY doc_id
           ) numbered WHERE n <> last + 1""",
    ),
    Check(
        "chunk-without-passage",
        "Every chunk belongs to a passage of its document",
        _REREAD,
        """SELECT format('document %s: chunk %s, passage %s', k.doc_id, k.ordinal, k.passage)
           FROM chunk k LEFT JOIN passage p ON p.doc_id = k.doc_id AND p.ordinal = k.passage
           WHERE p.doc_id IS NULL""",
    ),
    Check(
        "digests-not-of-chunks",
        "A document with digests of its chunks has one for each",
        "Read the document again: luma reread ID",
        """SELECT format('document %s: %s digests, %s chunks', doc_id, octet_length(digests) / 16, n)
           FROM chunk_digest CROSS JOIN LATERAL (
             SELECT count(*) AS n FROM chunk WHERE chunk.doc_id = chunk_digest.doc_id
           ) counted WHERE octet_length(digests) <> 16 * n""",
    ),
    Check(
        "version-of-another-file",
        "The newest version of a document is its file",
        "Store the file once more: luma sync, or PUT /api/documents/{id}/file",
        """SELECT format('document %s: version %s', d.id, v.number) FROM document d JOIN (
             SELECT DISTINCT ON (doc_id) * FROM document_version ORDER BY doc_id, number DESC
           ) v ON v.doc_id = d.id
           WHERE (d.file_metadata ->> 'sha256', d.file_metadata ->> 'version')
             IS DISTINCT FROM (v.sha256, v.number::text)""",
    ),
    Check(
        "vector-without-words",
        "Every vector of a document in the lexical index has term weights",
        _RELINK,
        """SELECT format('vector %s: namespace %s, document %s', c.id, c.namespace_id, c.doc_id)
           FROM chunk_vector c JOIN lexical_document d USING (doc_id)
           LEFT JOIN lexical_vector l ON l.id = c.id WHERE l.id IS NULL""",
    ),
    Check(
        "words-not-with-vectors",
        "The lexical index holds the same vectors of a document as its namespace",
        _RELINK,
        """SELECT format('namespace %s, document %s', namespace_id, doc_id) FROM (
             SELECT c.namespace_id, doc_id, array_agg(c.id ORDER BY c.id) AS vectors
             FROM chunk_vector c JOIN lexical_document d USING (doc_id) GROUP BY 1, 2
           ) held FULL JOIN lexical_member m USING (namespace_id, doc_id)
           WHERE held.vectors IS DISTINCT FROM m.vectors""",
    ),
    Check(
        "words-miscounted",
        "The counts of the lexical index are right",
        "Remove the documents of the namespace and add them again.",
        """SELECT format('segment %s: %s chunks, %s terms', s.id, s.chunks, s.length)
           FROM lexical_segment s LEFT JOIN (
             SELECT segment_id, sum(cardinality(vectors)) AS chunks, sum(length) AS length
             FROM lexical_member GROUP BY segment_id
           ) m ON m.segment_id = s.id
           WHERE (s.chunks, s.length) IS DISTINCT FROM (m.chunks, m.length)
           UNION ALL
           SELECT format('segment %s, term %s: %s chunks', segment_id, term, chunks) FROM lexical_posting
           WHERE chunks = 0 OR chunks <> cardinality(vectors) OR chunks <> cardinality(weights)""",
    ),
    Check(
        "file-of-two-documents",
        "No two documents share a stored file",
        "Upload the file again as the owner of one of the documents, and delete that one.",
        """SELECT format('documents %s', string_agg(id::text, ', ' ORDER BY id))
           FROM document GROUP BY file_path HAVING count(*) > 1""",
    ),
    Check(
        "no-administrator",
        "At least one account is an enabled administrator",
        "Create one: luma users add NAME EMAIL --admin, or luma users enable NAME",
        """SELECT format('%s accounts', count(*))
           FROM users u LEFT JOIN disabled_account d ON d.user_id = u.id
           HAVING count(*) > 0 AND count(*) FILTER (WHERE u.role = 'admin' AND d.user_id IS NULL) = 0""",
    ),
    Check(
        "session-of-disabled-account",
        "Nobody is signed in to a disabled account",
        "Disable it again, which ends its sessions: luma users disable NAME",
        """SELECT format('session %s: user %s', s.id, s.user_id)
           FROM login_session s JOIN disabled_account d ON d.user_id = s.user_id""",
    ),
    Check(
        "token-for-lost-namespace",
        "Every namespace that a token is narrowed to exists",
        "The token grants no access by it. Its user can revoke it and create another.",
        """SELECT format('token %s: namespace %s', t.id, named)
           FROM api_token t CROSS JOIN unnest(t.namespace_ids) named LEFT JOIN namespace n ON n.id = named
           WHERE n.id IS NULL""",
    ),
    Check(
        "granted-to-owner",
        "No owner holds a grant on their own resource",
        "Unshare the document from its owner, or remove the owner from the members.",
        """SELECT format('document %s: user %s', d.id, d.user_id)
           FROM document d JOIN doc_user g ON g.doc_id = d.id AND g.user_id = d.user_id
           UNION ALL
           SELECT format('namespace %s: user %s', n.id, n.user_id)
           FROM namespace n JOIN namespace_auth g ON g.namespace_id = n.id AND g.user_id = n.user_id""",
    ),
    Check(
        "placed-without-right",
        "Every document in a namespace was put there by a user with the right to do so",
        "If it belongs there, record its owner as the user who added it: luma db psql -c 'INSERT INTO "
        "placement SELECT id, NAMESPACE, user_id FROM document WHERE id = DOCUMENT ON CONFLICT (doc_id, "
        "namespace_id) DO UPDATE SET user_id = excluded.user_id'. Otherwise, remove it from the namespace "
        "afterwards.",
        """SELECT format('namespace %s, document %s', namespace_id, doc_id)
           FROM (
             SELECT namespace_id, doc_id FROM namespace_doc
             UNION SELECT namespace_id, doc_id FROM ingestion WHERE state IN ('queued', 'running')
           ) held LEFT JOIN placement p USING (namespace_id, doc_id)
           WHERE p.user_id IS NULL OR NOT placement_stands(doc_id, p.user_id)""",
    ),
    Check(
        "embedding-model",
        "The model of the stored vectors is recorded",
        "Restore a backup; without one, delete all documents and upload them again.",
        """SELECT 'no model is recorded' WHERE EXISTS (SELECT FROM chunk)
             AND NOT EXISTS (SELECT FROM embedding_model WHERE is_current)
           UNION ALL
           SELECT format('%s: %s dimensions, the vectors have %s', m.name, m.dimensions, found.dimensions)
           FROM embedding_model m, (
             SELECT vector_dims(embedding) AS dimensions FROM chunk WHERE embedding IS NOT NULL LIMIT 1
           ) found
           WHERE m.id = 1 AND found.dimensions <> m.dimensions""",
    ),
    Check(
        "no-live-vectors",
        "Every namespace with documents has vectors that are searched",
        _RELINK,
        """SELECT DISTINCT format('namespace %s', namespace_id) FROM namespace_doc d
           WHERE NOT EXISTS (
             SELECT FROM generation g WHERE g.namespace_id = d.namespace_id AND g.state = 'live'
           )""",
    ),
    Check(
        "vectors-incomplete",
        "Every document in a namespace has vectors by each model of the namespace",
        "Run luma reindex for the namespace, with the model that it lists.",
        """SELECT format('namespace %s, document %s, model %s: %s of %s vectors',
                         g.namespace_id, c.doc_id, m.name, count(*) FILTER (WHERE is_there), count(*))
           FROM generation g JOIN embedding_model m ON m.id = g.model_id
           JOIN chunk_vector c USING (namespace_id)
           LEFT JOIN generation_vector v ON v.id = c.id AND v.generation_id = g.id
           CROSS JOIN LATERAL (
             SELECT CASE WHEN is_inline THEN c.embedding IS NOT NULL ELSE v.id IS NOT NULL END AS is_there
           ) found
           WHERE g.state <> 'removing'
           GROUP BY g.namespace_id, g.state, c.doc_id, m.name
           HAVING count(*) FILTER (WHERE is_there) <> CASE
             -- A document may be missing as a whole until the vectors are searched.
             WHEN g.state = 'building' AND NOT bool_or(is_there) THEN 0 ELSE count(*) END""",
    ),
    Check(
        "vectors-of-no-generation",
        "Every vector outside of the rows to search belongs to a model of its namespace",
        "It is never searched. Delete it: luma db psql -c 'DELETE FROM generation_vector v WHERE NOT EXISTS "
        "(SELECT FROM generation g WHERE g.id = v.generation_id)'",
        """SELECT format('generation %s: %s vectors', v.generation_id, count(*))
           FROM generation_vector v LEFT JOIN chunk_vector c ON c.id = v.id
           LEFT JOIN generation g ON g.id = v.generation_id AND NOT g.is_inline
             AND g.namespace_id = c.namespace_id AND c.doc_id = v.doc_id
           WHERE g.id IS NULL GROUP BY v.generation_id""",
    ),
    Check(
        "trigger-off",
        "Every trigger that the store relies on exists and is enabled",
        "It was disabled, and the data it guards may have been changed: compare the audit trail "
        "with an export or backup. Enable it again: "
        'luma db psql -c \'ALTER TABLE "TABLE" ENABLE TRIGGER "NAME"\'. '
        "If it no longer exists, restore a backup.",
        """SELECT format('table %s: trigger %s', relied.on_table, relied.name) FROM (VALUES
             ('audit_event', 'append_only'),
             ('lexical_member', 'is_gone'),
             ('document', 'lock_questions'),
             ('evaluation_place', 'is_gone'),
             ('placement', 'is_gone'),
             ('document', 'end_placements'),
             ('doc_user', 'end_placements'),
             ('users', 'end_placements'),
             ('users', 'end_all_placements'),
             ('ingestion', 'tell_change'),
             ('namespace', 'tell_change'),
             ('namespace_auth', 'tell_change'),
             ('users', 'tell_change'),
             ('disabled_account', 'tell_change'),
             ('login_session', 'tell_change'),
             ('api_token', 'tell_change'),
             ('turn', 'tell_change'),
             ('namespace', 'tell_list'),
             ('namespace_auth', 'tell_members'),
             ('document', 'tell_document'),
             ('document', 'tell_owner'),
             ('document', 'tell_everyone'),
             ('document', 'tell_everyone_gone'),
             ('ingestion', 'tell_document'),
             ('doc_user', 'tell_user'),
             ('chats', 'tell_chat'),
             ('chat_title', 'tell_chat'),
             ('pinned_chat', 'tell_chat'),
             ('turn', 'tell_chat')
           ) AS relied (on_table, name) LEFT JOIN pg_trigger t
             -- In mode R (replica) it would be silent in every session of Luma's.
             ON t.tgrelid = to_regclass(relied.on_table) AND t.tgname = relied.name
             AND t.tgenabled IN ('O', 'A')
           WHERE t.oid IS NULL""",
    ),
    Check(
        "invalid-index",
        "Every index is valid",
        "Rebuild it: luma db psql -c 'REINDEX INDEX \"NAME\"'",
        """SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = current_schema() AND NOT (i.indisvalid AND i.indisready)
             -- These are made in the background, and made again by themselves.
             AND c.relname !~ '^ix_chunk_vector_hnsw_'""",
    ),
)
DEEP_CHECKS = (
    Check(
        "words-differ",
        "The lexical index holds exactly the terms of every chunk",
        "Remove the documents of the namespace and add them again.",
        """SELECT format('segment %s, term %s, vector %s', segment_id, term, vector) FROM (
             SELECT m.segment_id, t.term, c.id AS vector
             FROM lexical_member m JOIN chunk_vector c USING (namespace_id, doc_id)
             JOIN lexical_chunk k USING (chunk_id) CROSS JOIN unnest(k.terms) AS t (term)
           ) there FULL JOIN (
             SELECT p.segment_id, p.term, u.vector
             FROM lexical_posting p CROSS JOIN unnest(p.vectors) AS u (vector)
           ) listed USING (segment_id, term, vector)
           WHERE there.vector IS NULL OR listed.vector IS NULL""",
    ),
    Check(
        "words-out-of-order",
        "Posting lists are sorted by weight",
        "Remove the documents of the namespace and add them again.",
        """SELECT format('segment %s, term %s', segment_id, term) FROM lexical_posting
           WHERE chunks > 1 AND weights <> ARRAY(SELECT w FROM unnest(weights) AS u (w) ORDER BY w)""",
    ),
    Check(
        "vector-differs",
        "Every vector is the embedding of its chunk",
        _RELINK,
        """SELECT format('vector %s: namespace %s, document %s, model %s',
                         c.id, c.namespace_id, c.doc_id, g.model_id)
           FROM generation g JOIN chunk_vector c USING (namespace_id) JOIN chunk k ON k.id = c.chunk_id
           LEFT JOIN generation_vector v ON v.id = c.id AND v.generation_id = g.id
           LEFT JOIN chunk_embedding e ON e.chunk_id = k.id AND e.model_id = g.model_id
           WHERE g.state <> 'removing'
             AND CASE WHEN g.is_inline THEN c.embedding ELSE v.embedding END
               <> CASE g.model_id WHEN 1 THEN k.embedding ELSE e.embedding END""",
    ),
    Check(
        "chunk-differs",
        "The text of every chunk is at its offsets in the passage",
        _REREAD,
        """SELECT format('document %s: chunk %s', k.doc_id, k.ordinal)
           FROM chunk k JOIN passage p ON p.doc_id = k.doc_id AND p.ordinal = k.passage
           WHERE substr(p.text, k.start_char + 1, k.end_char - k.start_char) <> k.text""",
    ),
)
DEAD_WORKER = Check(
    "dead-worker",
    "Every running ingestion has a live worker",
    "Start luma serve or run luma ingest: it is re-queued automatically.",
)
REFERENCES = Check(
    "lost-reference",
    "Every foreign key has its row",
    "Rows were changed outside Luma. Restore a backup, or delete these rows: luma db psql",
)
MISSING = Check(
    "missing-file",
    "Every document has its stored file",
    "Restore the file from a backup, have its owner upload it again, or delete the document.",
)
DIFFERENT = Check(
    "changed-file",
    "Every stored file is unchanged since its upload",
    "Restore the file from a backup, or delete the document and upload it again.",
)
STRAY = Check(
    "stray-file",
    "Every stored file belongs to a document or to an upload in progress",
    "It is unreachable. Delete it from the folder `files` of the data directory.",
)

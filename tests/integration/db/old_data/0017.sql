-- token: luma_iQ8JFyPhYChKBEOuFbP3FG9p2iyITrDEwIdhq2oBdML1DvLQF
SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE FUNCTION public.audit_event_is_append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
            RAISE EXCEPTION 'The audit trail is append-only.' USING ERRCODE = 'insufficient_privilege';
        END $$;
CREATE FUNCTION public.end_placements() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF TG_TABLE_NAME = 'document' THEN
        DELETE FROM placement WHERE doc_id = OLD.id AND NOT placement_stands(doc_id, user_id);
    ELSIF TG_TABLE_NAME = 'doc_user' THEN
        DELETE FROM placement
         WHERE doc_id = OLD.doc_id AND user_id = OLD.user_id AND NOT placement_stands(doc_id, user_id);
    ELSIF TG_OP = 'UPDATE' THEN
        DELETE FROM placement WHERE user_id = OLD.id AND NOT placement_stands(doc_id, user_id);
    ELSE
        DELETE FROM placement WHERE user_id = OLD.id;
    END IF;
    RETURN OLD;
END $$;
CREATE FUNCTION public.evaluation_places_are_gone() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
            DELETE FROM evaluation_question q
            WHERE id IN (SELECT question_id FROM gone)
            AND NOT EXISTS (SELECT FROM evaluation_place p WHERE p.question_id = q.id);
            RETURN NULL;
        END $$;
CREATE FUNCTION public.lexical_member_is_gone() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    kept integer;
BEGIN
    IF NOT EXISTS (SELECT FROM namespace WHERE id = OLD.namespace_id) THEN
        RETURN NULL;  -- All of it goes, without being sorted out.
    END IF;
    -- Those who take documents out of one segment wait for each other here, before they touch its postings.
    UPDATE lexical_segment
       SET chunks = chunks - cardinality(OLD.vectors), length = lexical_segment.length - OLD.length
     WHERE id = OLD.segment_id
    RETURNING chunks INTO kept;
    IF NOT FOUND THEN
        RETURN NULL;
    ELSIF kept = 0 THEN
        DELETE FROM lexical_segment WHERE id = OLD.segment_id;
        RETURN NULL;
    END IF;
    UPDATE lexical_posting p SET (chunks, vectors, weights) = (
        SELECT count(*), coalesce(array_agg(u.vector ORDER BY u.n), '{}'),
               coalesce(array_agg(u.weight ORDER BY u.n), '{}')
        FROM unnest(p.vectors, p.weights) WITH ORDINALITY AS u (vector, weight, n)
        WHERE u.vector <> ALL (OLD.vectors))
     WHERE p.namespace_id = OLD.namespace_id AND p.term = ANY (OLD.terms) AND p.segment_id = OLD.segment_id;
    DELETE FROM lexical_posting p
     WHERE p.namespace_id = OLD.namespace_id AND p.term = ANY (OLD.terms) AND p.segment_id = OLD.segment_id
       AND p.chunks = 0;
    UPDATE lexical_segment SET languages = (
        SELECT coalesce(array_agg(DISTINCT d.language), '{}')
        FROM lexical_member m JOIN lexical_document d USING (doc_id) WHERE m.segment_id = OLD.segment_id)
     WHERE id = OLD.segment_id;
    RETURN NULL;
END $$;
CREATE FUNCTION public.lock_questions_of_document() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        BEGIN
            PERFORM FROM evaluation_question
            WHERE id IN (SELECT question_id FROM evaluation_place WHERE doc_id = OLD.id)
            ORDER BY id FOR UPDATE;
            RETURN OLD;
        END $$;
CREATE FUNCTION public.placement_is_gone() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    -- Foreign keys remove the rest of a deleted document or namespace: `live` are those that still exist.
    -- A worker that is storing the document holds its ingestion: it either finishes first or finds no work.
    PERFORM FROM ingestion i JOIN 
(SELECT g.doc_id, g.namespace_id FROM gone g
 JOIN document d ON d.id = g.doc_id JOIN namespace n ON n.id = g.namespace_id) live
 USING (doc_id, namespace_id) ORDER BY i.id FOR UPDATE OF i;
    DELETE FROM ingestion i USING 
(SELECT g.doc_id, g.namespace_id FROM gone g
 JOIN document d ON d.id = g.doc_id JOIN namespace n ON n.id = g.namespace_id) live
     WHERE i.doc_id = live.doc_id AND i.namespace_id = live.namespace_id;
    DELETE FROM lexical_member m USING 
(SELECT g.doc_id, g.namespace_id FROM gone g
 JOIN document d ON d.id = g.doc_id JOIN namespace n ON n.id = g.namespace_id) live
     WHERE m.doc_id = live.doc_id AND m.namespace_id = live.namespace_id;
    DELETE FROM chunk_vector c USING 
(SELECT g.doc_id, g.namespace_id FROM gone g
 JOIN document d ON d.id = g.doc_id JOIN namespace n ON n.id = g.namespace_id) live
     WHERE c.doc_id = live.doc_id AND c.namespace_id = live.namespace_id;
    DELETE FROM namespace_doc h USING 
(SELECT g.doc_id, g.namespace_id FROM gone g
 JOIN document d ON d.id = g.doc_id JOIN namespace n ON n.id = g.namespace_id) live
     WHERE h.doc_id = live.doc_id AND h.namespace_id = live.namespace_id;
    INSERT INTO audit_event (at, action, actor_id, actor, about, request_id, address)
    SELECT clock_timestamp() AT TIME ZONE 'UTC', 'namespace.document-removed', acting.id, u.username,
           jsonb_build_object('namespace_id', live.namespace_id, 'doc_id', live.doc_id),
           nullif(current_setting('luma.request_id', true), ''),
           nullif(current_setting('luma.address', true), '')
    FROM 
(SELECT g.doc_id, g.namespace_id FROM gone g
 JOIN document d ON d.id = g.doc_id JOIN namespace n ON n.id = g.namespace_id) live
    CROSS JOIN (SELECT nullif(current_setting('luma.actor_id', true), '')::integer AS id) acting
    LEFT JOIN users u ON u.id = acting.id
    ORDER BY live.doc_id, live.namespace_id;
    RETURN NULL;
END $$;
CREATE FUNCTION public.placement_stands(of_document integer, by_user integer) RETURNS boolean
    LANGUAGE sql STABLE
    AS $$
    SELECT EXISTS (
        SELECT FROM document d JOIN users u ON u.id = by_user
        WHERE d.id = of_document AND (
            d.is_public OR d.user_id = u.id OR u.role = 'admin' OR EXISTS (
                SELECT FROM doc_user g
                WHERE g.doc_id = d.id AND g.user_id = u.id AND g.permission = 'write')))
$$;
CREATE FUNCTION public.tell_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
        DECLARE
            changed jsonb;
            news text := TG_ARGV[0];
        BEGIN
            IF TG_OP = 'DELETE' THEN changed := to_jsonb(OLD); ELSE changed := to_jsonb(NEW); END IF;
            FOR i IN 1 .. TG_NARGS - 1 LOOP
                news := news || ' ' || (changed ->> TG_ARGV[i]);
            END LOOP;
            PERFORM pg_notify('luma_change', news);
            RETURN NULL;
        END $$;
CREATE FUNCTION public.tell_chat() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
DECLARE
    changed_id integer;
    owner_id integer;
BEGIN
    IF TG_OP = 'DELETE' THEN changed_id := OLD.chat_id; ELSE changed_id := NEW.chat_id; END IF;
    SELECT user_id INTO owner_id FROM chats WHERE id = changed_id;
    IF FOUND THEN
        PERFORM pg_notify('luma_change', 'chat ' || changed_id || ' ' || owner_id);
    END IF;
    RETURN NULL;
END $$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.api_token (
    id integer NOT NULL,
    user_id integer NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    namespace_ids integer[],
    max_level smallint,
    created_at timestamp without time zone NOT NULL,
    expires_at timestamp without time zone,
    last_used_at timestamp without time zone,
    CONSTRAINT ck_api_token_max_level CHECK (((max_level >= 1) AND (max_level <= 3)))
);
CREATE SEQUENCE public.api_token_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.api_token_id_seq OWNED BY public.api_token.id;
CREATE TABLE public.audit_event (
    id bigint NOT NULL,
    at timestamp without time zone NOT NULL,
    action text NOT NULL,
    actor_id integer,
    actor text,
    about jsonb NOT NULL,
    request_id text,
    address text
);
ALTER TABLE public.audit_event ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_event_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.backfill (
    name text NOT NULL,
    "position" bigint DEFAULT 0 NOT NULL,
    created_at timestamp without time zone DEFAULT now() NOT NULL,
    finished_at timestamp without time zone
);
CREATE TABLE public.chat_title (
    chat_id integer NOT NULL,
    title text NOT NULL
);
CREATE TABLE public.chats (
    id integer NOT NULL,
    user_id integer NOT NULL,
    namespace_id integer NOT NULL,
    started_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.chats_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.chats_id_seq OWNED BY public.chats.id;
CREATE TABLE public.chunk (
    id bigint NOT NULL,
    doc_id integer NOT NULL,
    ordinal integer NOT NULL,
    passage integer NOT NULL,
    start_char integer NOT NULL,
    end_char integer NOT NULL,
    tokens integer NOT NULL,
    page integer,
    heading text,
    text text NOT NULL,
    embedding public.halfvec(384) NOT NULL
);
ALTER TABLE public.chunk ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.chunk_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.chunk_vector (
    id bigint NOT NULL,
    namespace_id integer NOT NULL,
    doc_id integer NOT NULL,
    chunk_id bigint NOT NULL,
    embedding public.halfvec(384) NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02');
ALTER TABLE ONLY public.chunk_vector ALTER COLUMN embedding SET STORAGE PLAIN;
ALTER TABLE public.chunk_vector ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.chunk_vector_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.citation (
    message_id integer NOT NULL,
    n integer NOT NULL,
    vec_id text NOT NULL,
    doc_id integer,
    title text NOT NULL,
    page integer,
    heading text,
    quote text NOT NULL,
    score double precision NOT NULL
);
CREATE TABLE public.disabled_account (
    user_id integer NOT NULL,
    disabled_at timestamp without time zone NOT NULL
);
CREATE TABLE public.doc_user (
    id integer NOT NULL,
    doc_id integer NOT NULL,
    user_id integer NOT NULL,
    permission character varying(20) NOT NULL,
    CONSTRAINT ck_doc_user_permission CHECK (((permission)::text = ANY ((ARRAY['read'::character varying, 'write'::character varying])::text[])))
);
CREATE SEQUENCE public.doc_user_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.doc_user_id_seq OWNED BY public.doc_user.id;
CREATE TABLE public.document (
    id integer NOT NULL,
    user_id integer NOT NULL,
    title character varying(255) NOT NULL,
    file_path text NOT NULL,
    file_metadata jsonb NOT NULL,
    type character varying(50) NOT NULL,
    is_public boolean DEFAULT true NOT NULL,
    uploaded_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.document_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.document_id_seq OWNED BY public.document.id;
CREATE TABLE public.embedding_model (
    id integer DEFAULT 1 NOT NULL,
    name text NOT NULL,
    sha256 text NOT NULL,
    dimensions integer NOT NULL,
    profile text CONSTRAINT embedding_model_recipe_not_null NOT NULL,
    CONSTRAINT ck_embedding_model_single CHECK ((id = 1))
);
CREATE TABLE public.evaluation_place (
    id integer NOT NULL,
    question_id integer NOT NULL,
    doc_id integer NOT NULL,
    page integer,
    quote text
);
CREATE SEQUENCE public.evaluation_place_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.evaluation_place_id_seq OWNED BY public.evaluation_place.id;
CREATE TABLE public.evaluation_question (
    id integer NOT NULL,
    namespace_id integer NOT NULL,
    text text NOT NULL,
    created_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.evaluation_question_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.evaluation_question_id_seq OWNED BY public.evaluation_question.id;
CREATE TABLE public.evaluation_run (
    id integer NOT NULL,
    namespace_id integer NOT NULL,
    user_id integer NOT NULL,
    result jsonb NOT NULL,
    created_at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.evaluation_run_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.evaluation_run_id_seq OWNED BY public.evaluation_run.id;
CREATE TABLE public.external_identity (
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id integer NOT NULL,
    created_at timestamp without time zone NOT NULL
);
CREATE TABLE public.feedback (
    message_id integer NOT NULL,
    rating smallint NOT NULL,
    comment text,
    given_at timestamp without time zone NOT NULL,
    CONSTRAINT ck_feedback_rating CHECK ((rating = ANY (ARRAY['-1'::integer, 0, 1])))
);
CREATE TABLE public.file_store (
    id integer DEFAULT 1 NOT NULL,
    store_id text NOT NULL,
    CONSTRAINT ck_file_store_single CHECK ((id = 1))
);
CREATE TABLE public.ingestion (
    id integer NOT NULL,
    doc_id integer NOT NULL,
    namespace_id integer NOT NULL,
    state text DEFAULT 'queued'::text NOT NULL,
    stage text,
    progress double precision DEFAULT 0 NOT NULL,
    chunks integer DEFAULT 0 NOT NULL,
    error text,
    attempts integer DEFAULT 0 NOT NULL,
    worker integer,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    deferrals integer DEFAULT 0 NOT NULL,
    next_attempt_at timestamp without time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_ingestion_error CHECK (
CASE state
    WHEN 'failed'::text THEN (error IS NOT NULL)
    WHEN 'queued'::text THEN true
    ELSE (error IS NULL)
END),
    CONSTRAINT ck_ingestion_stage CHECK ((stage = ANY (ARRAY['parsing'::text, 'chunking'::text, 'embedding'::text, 'storing'::text]))),
    CONSTRAINT ck_ingestion_state CHECK ((state = ANY (ARRAY['queued'::text, 'running'::text, 'ready'::text, 'failed'::text]))),
    CONSTRAINT ck_ingestion_worker CHECK (((state = 'running'::text) = (worker IS NOT NULL)))
);
CREATE SEQUENCE public.ingestion_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.ingestion_id_seq OWNED BY public.ingestion.id;
CREATE TABLE public.lexical_chunk (
    chunk_id bigint NOT NULL,
    terms integer[] NOT NULL,
    frequencies smallint[] NOT NULL,
    length integer NOT NULL
);
CREATE TABLE public.lexical_document (
    doc_id integer NOT NULL,
    language text NOT NULL
);
CREATE TABLE public.lexical_member (
    doc_id integer NOT NULL,
    namespace_id integer NOT NULL,
    segment_id bigint NOT NULL,
    vectors bigint[] NOT NULL,
    terms integer[] NOT NULL,
    length integer NOT NULL
);
CREATE TABLE public.lexical_posting (
    namespace_id integer NOT NULL,
    term integer NOT NULL,
    segment_id bigint NOT NULL,
    chunks integer NOT NULL,
    vectors bigint[] NOT NULL,
    weights real[] NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02');
ALTER TABLE ONLY public.lexical_posting ALTER COLUMN vectors SET STORAGE EXTERNAL;
ALTER TABLE ONLY public.lexical_posting ALTER COLUMN weights SET STORAGE EXTERNAL;
CREATE TABLE public.lexical_segment (
    id bigint NOT NULL,
    namespace_id integer NOT NULL,
    chunks integer NOT NULL,
    length bigint NOT NULL,
    mean_length real NOT NULL,
    languages text[] NOT NULL
);
ALTER TABLE public.lexical_segment ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.lexical_segment_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);
CREATE TABLE public.lexical_vector (
    id bigint NOT NULL,
    weights public.sparsevec(1000000000) NOT NULL
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02');
ALTER TABLE ONLY public.lexical_vector ALTER COLUMN weights SET STORAGE MAIN;
CREATE TABLE public.login_session (
    id integer NOT NULL,
    user_id integer NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp without time zone NOT NULL,
    expires_at timestamp without time zone NOT NULL,
    last_used_at timestamp without time zone NOT NULL,
    address text,
    user_agent text,
    method text NOT NULL,
    authenticated_at timestamp without time zone,
    CONSTRAINT ck_login_session_method CHECK ((method = ANY (ARRAY['password'::text, 'openid'::text])))
);
CREATE SEQUENCE public.login_session_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.login_session_id_seq OWNED BY public.login_session.id;
CREATE TABLE public.message (
    id integer NOT NULL,
    chat_id integer NOT NULL,
    sender_type character varying(10) NOT NULL,
    content text NOT NULL,
    time_sent timestamp without time zone NOT NULL,
    CONSTRAINT ck_message_sender_type CHECK (((sender_type)::text = ANY ((ARRAY['user'::character varying, 'LLM'::character varying])::text[])))
);
CREATE SEQUENCE public.message_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.message_id_seq OWNED BY public.message.id;
CREATE TABLE public.namespace (
    id integer NOT NULL,
    user_id integer NOT NULL,
    name character varying(255) NOT NULL,
    description text,
    is_public boolean DEFAULT false NOT NULL,
    created_at timestamp without time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.namespace_auth (
    id integer NOT NULL,
    user_id integer NOT NULL,
    namespace_id integer NOT NULL,
    auth_level integer NOT NULL,
    CONSTRAINT ck_namespace_auth_auth_level CHECK ((auth_level = ANY (ARRAY[1, 2, 3])))
);
CREATE SEQUENCE public.namespace_auth_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.namespace_auth_id_seq OWNED BY public.namespace_auth.id;
CREATE TABLE public.namespace_doc (
    id integer NOT NULL,
    namespace_id integer NOT NULL,
    doc_id integer NOT NULL,
    vec_id text[] NOT NULL
);
CREATE SEQUENCE public.namespace_doc_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.namespace_doc_id_seq OWNED BY public.namespace_doc.id;
CREATE SEQUENCE public.namespace_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.namespace_id_seq OWNED BY public.namespace.id;
CREATE TABLE public.passage (
    doc_id integer NOT NULL,
    ordinal integer NOT NULL,
    page integer,
    heading text,
    text text NOT NULL
);
CREATE TABLE public.pinned_chat (
    chat_id integer NOT NULL
);
CREATE TABLE public.placement (
    doc_id integer NOT NULL,
    namespace_id integer NOT NULL,
    user_id integer NOT NULL,
    placed_at timestamp without time zone
);
CREATE UNLOGGED TABLE public.rate_limit (
    key text NOT NULL,
    free_at timestamp without time zone NOT NULL
);
CREATE TABLE public.recovery_code (
    user_id integer NOT NULL,
    code_hash bytea NOT NULL
);
CREATE TABLE public.reread (
    doc_id integer NOT NULL,
    requested_at timestamp without time zone DEFAULT now() NOT NULL,
    is_queued boolean DEFAULT false NOT NULL
);
CREATE TABLE public.second_factor (
    user_id integer NOT NULL,
    key bytea NOT NULL,
    created_at timestamp without time zone NOT NULL,
    confirmed_at timestamp without time zone,
    last_step bigint NOT NULL
);
CREATE TABLE public.temporary_password (
    user_id integer NOT NULL,
    set_at timestamp without time zone NOT NULL
);
CREATE TABLE public.turn (
    id integer NOT NULL,
    chat_id integer NOT NULL,
    follows_id integer,
    question_id integer NOT NULL,
    answer_id integer,
    doc_ids integer[],
    state text NOT NULL,
    error jsonb,
    process integer,
    is_stopping boolean DEFAULT false NOT NULL,
    CONSTRAINT ck_turn_process CHECK (((state = 'running'::text) = (process IS NOT NULL))),
    CONSTRAINT ck_turn_state CHECK ((state = ANY (ARRAY['running'::text, 'complete'::text, 'stopped'::text, 'failed'::text])))
);
CREATE SEQUENCE public.turn_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.turn_id_seq OWNED BY public.turn.id;
CREATE TABLE public.users (
    id integer NOT NULL,
    username character varying(50) NOT NULL,
    email character varying(255) NOT NULL,
    password character varying(255) NOT NULL,
    role character varying(20) NOT NULL,
    created_at timestamp without time zone DEFAULT now() NOT NULL,
    updated_at timestamp without time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_users_role CHECK (((role)::text = ANY ((ARRAY['admin'::character varying, 'user'::character varying])::text[])))
);
CREATE SEQUENCE public.users_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;
CREATE TABLE public.work_done (
    outcome text NOT NULL,
    documents bigint NOT NULL,
    seconds double precision NOT NULL
);
CREATE TABLE public.worker (
    id integer NOT NULL,
    seen_at timestamp without time zone DEFAULT now() NOT NULL
);
ALTER TABLE ONLY public.api_token ALTER COLUMN id SET DEFAULT nextval('public.api_token_id_seq'::regclass);
ALTER TABLE ONLY public.chats ALTER COLUMN id SET DEFAULT nextval('public.chats_id_seq'::regclass);
ALTER TABLE ONLY public.doc_user ALTER COLUMN id SET DEFAULT nextval('public.doc_user_id_seq'::regclass);
ALTER TABLE ONLY public.document ALTER COLUMN id SET DEFAULT nextval('public.document_id_seq'::regclass);
ALTER TABLE ONLY public.evaluation_place ALTER COLUMN id SET DEFAULT nextval('public.evaluation_place_id_seq'::regclass);
ALTER TABLE ONLY public.evaluation_question ALTER COLUMN id SET DEFAULT nextval('public.evaluation_question_id_seq'::regclass);
ALTER TABLE ONLY public.evaluation_run ALTER COLUMN id SET DEFAULT nextval('public.evaluation_run_id_seq'::regclass);
ALTER TABLE ONLY public.ingestion ALTER COLUMN id SET DEFAULT nextval('public.ingestion_id_seq'::regclass);
ALTER TABLE ONLY public.login_session ALTER COLUMN id SET DEFAULT nextval('public.login_session_id_seq'::regclass);
ALTER TABLE ONLY public.message ALTER COLUMN id SET DEFAULT nextval('public.message_id_seq'::regclass);
ALTER TABLE ONLY public.namespace ALTER COLUMN id SET DEFAULT nextval('public.namespace_id_seq'::regclass);
ALTER TABLE ONLY public.namespace_auth ALTER COLUMN id SET DEFAULT nextval('public.namespace_auth_id_seq'::regclass);
ALTER TABLE ONLY public.namespace_doc ALTER COLUMN id SET DEFAULT nextval('public.namespace_doc_id_seq'::regclass);
ALTER TABLE ONLY public.turn ALTER COLUMN id SET DEFAULT nextval('public.turn_id_seq'::regclass);
ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0017');
INSERT INTO public.api_token VALUES (1, 2, 'script', '\xe74671d72d8784dd4decfe4feb5f6f65688de6b60e91478438fce260d81ce31a', '{1}', NULL, '2026-11-28 01:54:51.183143', NULL, NULL);
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (1, '2026-11-28 01:54:47.108894', 'account.created', NULL, NULL, '{"role": "admin", "user_id": 1, "username": "root"}', NULL, NULL);
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (2, '2026-11-28 01:54:47.269656', 'sign-in.succeeded', 1, 'root', '{"method": "password"}', 'f985954839198ed6', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (3, '2026-11-28 01:54:47.28661', 'account.created', NULL, NULL, '{"role": "user", "user_id": 2, "username": "alice"}', NULL, NULL);
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (4, '2026-11-28 01:54:47.319', 'sign-in.succeeded', 2, 'alice', '{"method": "password"}', '5196ae79b10db22b', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (5, '2026-11-28 01:54:47.362181', 'account.created', NULL, NULL, '{"role": "user", "user_id": 3, "username": "bob"}', NULL, NULL);
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (6, '2026-11-28 01:54:47.383623', 'sign-in.succeeded', 3, 'bob', '{"method": "password"}', '114aa95b9f0d2b23', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (7, '2026-11-28 01:54:47.391906', 'account.created', NULL, NULL, '{"role": "user", "user_id": 4, "username": "carol"}', NULL, NULL);
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (8, '2026-11-28 01:54:47.419682', 'sign-in.succeeded', 4, 'carol', '{"method": "password"}', '83fc597d966ab492', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (9, '2026-11-28 01:54:47.446929', 'namespace.created', 2, 'alice', '{"is_public": false, "namespace_id": 1}', '861c838331cfed62', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (10, '2026-11-28 01:54:47.466747', 'namespace.created', 2, 'alice', '{"is_public": true, "namespace_id": 2}', '7dd58353aa99d846', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (11, '2026-11-28 01:54:47.479136', 'namespace.created', 3, 'bob', '{"is_public": false, "namespace_id": 3}', 'e2ebadeefac0de83', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (12, '2026-11-28 01:54:47.506704', 'member.set', 2, 'alice', '{"user_id": 3, "username": "bob", "auth_level": 1, "namespace_id": 1}', 'e7c105f4a9d7dcf7', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (13, '2026-11-28 01:54:47.543876', 'document.uploaded', 2, 'alice', '{"doc_id": 1, "is_public": false}', '7dbac8790ae0dece', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (14, '2026-11-28 01:54:47.564073', 'namespace.document-added', 2, 'alice', '{"doc_id": 1, "namespace_id": 1}', '7dbac8790ae0dece', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (15, '2026-11-28 01:54:47.571954', 'namespace.document-added', 2, 'alice', '{"doc_id": 1, "namespace_id": 2}', '7dbac8790ae0dece', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (16, '2026-11-28 01:54:48.986572', 'document.uploaded', 2, 'alice', '{"doc_id": 2, "is_public": false}', '0f997f64d7a338e6', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (17, '2026-11-28 01:54:49.01993', 'namespace.document-added', 2, 'alice', '{"doc_id": 2, "namespace_id": 1}', '0f997f64d7a338e6', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (18, '2026-11-28 01:54:49.222204', 'document.uploaded', 2, 'alice', '{"doc_id": 3, "is_public": false}', 'a9b6244c6b5dc56e', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (19, '2026-11-28 01:54:49.246945', 'namespace.document-added', 2, 'alice', '{"doc_id": 3, "namespace_id": 1}', 'a9b6244c6b5dc56e', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (20, '2026-11-28 01:54:49.414504', 'document.uploaded', 3, 'bob', '{"doc_id": 4, "is_public": false}', '773296826fc83ba5', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (21, '2026-11-28 01:54:49.442047', 'namespace.document-added', 3, 'bob', '{"doc_id": 4, "namespace_id": 3}', '773296826fc83ba5', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (22, '2026-11-28 01:54:49.653696', 'document.shared', 2, 'alice', '{"doc_id": 1, "user_id": 3, "username": "bob", "permission": "read"}', '9a24f8ebbf98fbc1', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (23, '2026-11-28 01:54:50.10321', 'account.disabled', 1, 'root', '{"user_id": 4, "username": "carol"}', '4cb25510409f7c6a', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (24, '2026-11-28 01:54:51.134962', 'document.uploaded', 2, 'alice', '{"doc_id": 5, "is_public": false}', 'ad539811e10a974d', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (25, '2026-11-28 01:54:51.147666', 'namespace.document-added', 2, 'alice', '{"doc_id": 5, "namespace_id": 1}', 'ad539811e10a974d', '127.0.0.1');
INSERT INTO public.audit_event OVERRIDING SYSTEM VALUE VALUES (26, '2026-11-28 01:54:51.188851', 'token.created', 2, 'alice', '{"token_id": 1, "max_level": null, "namespace_ids": [1]}', '982700bf720ac56b', '127.0.0.1');
INSERT INTO public.backfill VALUES ('example', 0, '2026-11-28 01:54:51.194823', '2026-11-28 01:54:51.194823');
INSERT INTO public.chat_title VALUES (1, 'Roses');
INSERT INTO public.chat_title VALUES (2, 'Roses');
INSERT INTO public.chats VALUES (1, 2, 1, '2026-11-28 01:54:49.667812');
INSERT INTO public.chats VALUES (2, 3, 1, '2026-11-28 01:54:49.881367');
INSERT INTO public.chunk OVERRIDING SYSTEM VALUE VALUES (1, 1, 0, 0, 0, 83, 24, 1, NULL, 'The roses are pruned in March, before the first leaves.
The hedge is cut in autumn.', '[-0.015541077,0.010292053,0.045837402,-0.033294678,0.035583496,0.08300781,-0.08679199,-0.087890625,0.0054092407,0.029327393,0.034423828,0.045440674,-0.070739746,-0.024246216,0.013023376,0.046020508,-0.05697632,0.033203125,0.0033340454,-0.011383057,0.031921387,-0.014556885,-0.040130615,0.029037476,0.008979797,0.0016841888,-0.047912598,0.039611816,-0.030410767,-0.027511597,0.11413574,0.06707764,0.031097412,-0.008277893,-0.075805664,0.053588867,0.020812988,-0.061035156,0.069885254,0.048217773,-0.074645996,-0.08441162,-0.0017843246,0.0041542053,0.061279297,-0.0019254684,0.09161377,0.012512207,-0.0692749,-0.037261963,0.027694702,0.020828247,-0.1352539,-0.01084137,-0.003238678,0.04147339,0.01689148,0.030685425,0.017990112,-0.018341064,0.014297485,-0.019592285,-0.058746338,-0.0017185211,-0.11834717,-0.079711914,0.075805664,0.023620605,0.0715332,-0.028930664,0.066345215,0.08526611,-0.020324707,-0.046722412,-0.02670288,0.030288696,-0.02507019,0.047088623,0.041870117,-0.072143555,-0.09399414,0.037384033,-0.023330688,0.11468506,-0.012939453,0.037353516,-0.09790039,-0.018829346,-0.07220459,-0.099731445,0.009307861,-0.011108398,-0.062408447,0.12023926,-0.11798096,-0.00472641,0.0027389526,-0.092285156,-0.033691406,0.015464783,0.021331787,-0.0047569275,-0.03744507,0.065979004,-0.030975342,-0.03842163,-0.1352539,-0.0027809143,-0.060668945,-0.023880005,0.0069885254,-0.003686905,-0.0054626465,0.070739746,-0.012809753,0.0031280518,-0.0072250366,-0.049957275,0.043518066,0.093444824,0.0053901672,0.055389404,0.015327454,0.023803711,-0.009941101,0.011062622,0.05621338,-0,0.016448975,0.01902771,0.03189087,-0.07531738,0.026901245,-0.08514404,0.008743286,-0.037139893,0.024765015,-0.06317139,-0.035705566,-0.06695557,0.0031261444,-0.07714844,-0.06414795,-0.1149292,0.035369873,0.028823853,-0.058013916,0.008705139,-0.01890564,-0.011016846,-0.027999878,-0.006416321,0.008522034,-0.064331055,0.07098389,-0.049102783,0.026184082,0.06021118,0.04437256,0.0090789795,0.0317688,0.025375366,-0.0513916,0.055023193,-0.0077934265,-0.01864624,0.06506348,0.053710938,-0.064941406,0.03778076,0.004337311,-0.010673523,0.06903076,0.03012085,0.030838013,0.07470703,0.08227539,0.0029335022,0.04751587,0.0068092346,0.09655762,0.07324219,0.0051841736,-0.03982544,-0.07104492,-0.005844116,0.019088745,-0.036987305,0.057769775,0.034118652,-0.02885437,0.025375366,-0.068481445,-0.051452637,-0.00079488754,0.04638672,-0.015258789,0.06439209,0.05227661,0.08099365,0.02482605,-0.06915283,0.061309814,0.03225708,0.083862305,0.08282471,0.06896973,-0.019378662,0.016296387,0.04135132,-0.04940796,0.0079956055,-0.004142761,-0.032440186,0.013206482,0.10681152,-0.03086853,0.0101623535,0.041015625,-0.021759033,0.0770874,-0.054626465,0.016052246,0,-0.0035495758,0.054229736,0.03201294,0.028533936,0.018753052,0.05795288,-0.016235352,0.08868408,-0.048919678,0.004878998,-0.124816895,0.02619934,0.016220093,-0.018463135,-0.06311035,-0.057800293,0.05618286,0.004447937,-0.0064697266,0.053344727,-0.09387207,0.0036258698,-0.047546387,-0.031311035,-0.03793335,-0.030822754,0.072509766,-0.05456543,0.0066184998,-0.10748291,0.006465912,-0.092163086,-0.17126465,-0.07458496,-0.018051147,-0.004219055,-0.062683105,-0.0064926147,-0.035095215,0.07305908,0.036499023,-0.021987915,0.022033691,0.07501221,0.0519104,-0.0949707,-0.058746338,0.059020996,0.039093018,0.046173096,0.018066406,0.07531738,0.017410278,-0.02017212,0.04055786,-0.09692383,0.028564453,-0.007709503,-0.043823242,0.037597656,-0.10192871,-0.03036499,-0.013031006,0.025497437,0.013252258,-0.046539307,0.03491211,0.054656982,-0.038391113,0.043640137,0.007637024,0.07989502,-0.013450623,-0.121032715,0.015472412,-0.07836914,-0.04156494,-0.03164673,-0.019226074,-0.021362305,0.0044288635,-0.0028915405,0.006626129,0.006126404,-0.10601807,-0.072143555,-0.02305603,0.03778076,0.024429321,-0.021499634,-0.025360107,0.012428284,0.01789856,-0.0013561249,0.036743164,-0,0.07873535,-0.035003662,-0.026321411,-0.0023899078,0.014175415,0.03378296,0.050354004,0.13024902,0.034088135,-0.05239868,0.119628906,0.08306885,0.037109375,-0.0043640137,0.020874023,-0.028564453,0.10845947,-0.0024337769,-0.0008201599,-0.02557373,0.0065727234,0.033843994,0.07720947,-0.019241333,0.014694214,-0.05899048,0.010185242,-0.040161133,-0.0023155212,-0.001871109,0.015235901,0.0061454773,0.024932861,0.053863525,-0.034973145,0.022537231,0.082092285,0.0881958,-0.027038574,-0.03262329,-0.03768921,-0.038391113,0.02709961,0.022994995,-0.010383606,-0.052246094,0.018692017,-0.052764893,-0.008476257,-0.059936523,-0.08959961,0.008735657,0.020462036,-0.021026611,-0.019943237,0.05508423,-0.031951904,-0.032409668,-0.03652954,0.04977417,-0.010803223,-0.03225708,-0.012550354,0.1048584]');
INSERT INTO public.chunk OVERRIDING SYSTEM VALUE VALUES (2, 1, 1, 1, 0, 59, 16, 2, NULL, 'Water the tomatoes in the evening, and never on the leaves.', '[-0.020996094,0.06506348,0.013923645,0.06994629,0.034606934,-0.08630371,0.023269653,-0.08605957,0.017044067,-0.051818848,0.0152282715,0.0018787384,0.032470703,0.02243042,-0.12805176,0.004650116,-0.035125732,0.062286377,-0.03375244,-0.05102539,-0.0635376,-0.0069503784,0.060638428,0.017349243,-0.0023517609,-0.06048584,-0.015716553,0.027359009,-0.037078857,-0.065979004,-0.046203613,0.10083008,-0.065979004,-0.0054130554,0.026168823,0.01713562,0.039611816,-0.04220581,0.061157227,-0.037322998,0.05441284,-0.027191162,0.02192688,-0.04156494,0.024765015,0.0030002594,-0.030761719,-0.028503418,-0.0033874512,-0.038726807,0.025024414,-0.0119018555,-0.09173584,-0.10253906,-0.024505615,0.033477783,0.048950195,0.050445557,0.030792236,0.022338867,0.019500732,-0.010620117,-0.033294678,0.011650085,-0.00014996529,-0.0026493073,-0.08239746,0.03164673,0.054595947,0.074157715,-0.050994873,0.008491516,-0.010887146,-0.05166626,-0.10180664,0.019332886,0.0053367615,-0.07507324,0.02558899,0.07006836,-0.05331421,-0.03253174,0.03286743,0.013938904,0.03387451,0.067871094,0.024749756,0.025878906,0.036132812,0.04196167,-0.049865723,-0.044555664,-0.027511597,0.001701355,-0.08111572,-0.0076179504,0.057250977,-0.14501953,-0.061462402,0.039978027,-0.014945984,-0.09033203,0.05609131,0.044677734,0.043395996,-0.019500732,-0.010749817,-0.0847168,-0.057250977,-0.052856445,-0.10498047,0.077941895,-0.0052986145,0.050689697,-0.05783081,0.021453857,0.05532837,0.06762695,-0.039520264,0.057128906,-0.050109863,0.06060791,0.02041626,-0.0107040405,0.025512695,0.019989014,0.010375977,-0,0.047424316,-0.040985107,0.048187256,-0.053985596,0.0013828278,-0.037506104,0.014442444,0.04928589,0.10064697,-0.051940918,-0.032104492,-0.11175537,0.025878906,-0.06982422,-0.0010948181,-0.02961731,0.044158936,-0.050048828,0.005027771,-0.009773254,0.030670166,-0.09942627,-0.10784912,-0.023544312,0.019195557,-0.12243652,0.011482239,-0.013702393,0.01675415,0.014770508,0.014968872,0.018371582,0.03930664,0.02381897,0.084228516,0.009170532,-0.0054397583,-0.010108948,0.0077056885,-0.008148193,-0.10595703,0.06298828,0.055419922,-0.04425049,-0.0030059814,-0.021896362,0.023040771,0.103637695,-0.0063095093,0.021957397,0.05886841,0.025054932,0.024383545,0.015319824,-0.014526367,-0.0071640015,0.046905518,-0.05895996,-0.053741455,0.022064209,0.033050537,-0.032287598,-0.089904785,-0.057556152,-0.01259613,0.117614746,-0.08947754,-0.005077362,0.011161804,-0.040802002,0.026031494,-0.049560547,0.08807373,0.0055656433,-0.038848877,-0.050567627,0.026275635,-0.004043579,0.008102417,0.06500244,0.08129883,0.019134521,0.018875122,-0.025039673,0.036712646,0.016067505,0.0010938644,0.034851074,0.06732178,0.056427002,0.09869385,-0.029251099,0.07891846,-0.10845947,0.010871887,0,0.07556152,0.058654785,-0.03173828,0.045043945,0.06317139,-0.037353516,-0.09423828,-0.034484863,0.02859497,0.007423401,0.044281006,0.022827148,-0.06506348,0.008155823,0.00035881996,-0.002922058,0.016326904,0.07891846,-0.0070266724,0.08868408,-0.11230469,0.026779175,-0.004306793,-0.007801056,0.017913818,-0.062194824,0.008773804,-0.01777649,-0.076538086,0.039916992,-0.04446411,-0.004337311,-0.049865723,-0.06549072,0.07659912,0.0020160675,-0.048431396,-0.07635498,0.046661377,0.11187744,0.004814148,-0.029174805,0.0014572144,0.09118652,0.002483368,0.05859375,-0.013389587,0.019897461,-0.048797607,0.02458191,0.006198883,0.022857666,-0.066345215,0.0039787292,0.054534912,-0.03933716,0.09753418,-0.05154419,-0.068603516,0.056427002,0.058258057,-0.051116943,-0.07055664,0.005908966,-0.04925537,0.062194824,-0.0009813309,0.15808105,0.02810669,-0.0055274963,0.0019874573,-0.056610107,0.017166138,-0.020645142,-0.06567383,-0.04824829,-0.045196533,0.03253174,-0.04144287,-0.05227661,-0.034118652,0.04626465,-0.06591797,0.018432617,-0.033935547,-0.070739746,-0.043914795,-0.10345459,-0.064453125,0.08325195,0.002632141,-0.047332764,0.061431885,0.058898926,0.073791504,-0,0.013397217,-0.05114746,0.03842163,0.028686523,-0.0053977966,-0.028579712,0.06640625,0.04837036,0.08355713,0.040222168,0.010795593,0.050048828,-0.0072517395,-0.028427124,-0.021560669,0.030593872,0.089782715,-0.028762817,-0.04727173,0.04055786,-0.077819824,0.035186768,-0.090026855,-0.02166748,0.02230835,-0.027832031,0.032318115,-0.053894043,0.09338379,0.04812622,0.07525635,-0.01826477,-0.006378174,0.005378723,-0.09613037,0.0006952286,0.068481445,0.0066566467,-0.046905518,0.068481445,-0.07574463,0.046142578,-0.033569336,-0.01399231,0.0158844,0.06402588,-0.0047302246,-0.0070724487,-0.082458496,0.05117798,0.031188965,0.037078857,0.08630371,0.051757812,0.06488037,0.027160645,0.09118652,0.01272583,-0.0055160522,0.059661865,-0.06378174,0.068725586,0.056365967,0.008834839]');
INSERT INTO public.chunk OVERRIDING SYSTEM VALUE VALUES (3, 2, 0, 0, 0, 55, 17, NULL, 'Spades', 'Spades
The spade is sharpened with a file every winter.', '[-0.07269287,0.045013428,-0.0041999817,0.044036865,-0.02053833,-0.05117798,-0.020004272,0.0037593842,-0.06518555,0.06945801,-0.008354187,0.083618164,-0.0069351196,0.04638672,-0.047546387,-0.03265381,-0.15014648,-0.04107666,0.027938843,0.01776123,0.04901123,0.0758667,-0.047180176,-0.010299683,0.0074043274,0.059814453,-0.00762558,-0.006378174,-0.06439209,-0.024780273,-0.026519775,0.08886719,0.04058838,0.048950195,0.0008049011,0.03451538,0.0047798157,0.034698486,0.00894165,0.018707275,-0.02104187,-0.030197144,0.015464783,-0.06542969,0.017471313,-0.043029785,0.008369446,-0.018722534,0.041015625,0.019256592,-0.054901123,-0.007545471,-0.07354736,0.0028419495,0.03527832,0.035736084,-0.016540527,0.039733887,0.034698486,-0.014839172,-0.042510986,0.044555664,-0.0881958,0.06976318,-0.013366699,-0.0013360977,0.02810669,-0.09692383,-0.004371643,-0.04321289,-0.017837524,0.06970215,-0.020126343,0.00048327446,0.011955261,0.0134887695,-0.02532959,-0.0047569275,0.075805664,-0.054473877,-0.107666016,-0.036346436,0.0031776428,0.066833496,0.05230713,0.044403076,-0.0010976791,-0.054626465,0.031158447,-0.016113281,0.015266418,-0.032562256,-0.062286377,0.10180664,-0.10925293,0.004096985,0.05911255,0.118896484,-0.096191406,0.081970215,0.013931274,-0.06185913,-0.02255249,-0.049194336,0.046966553,-0.00010728836,0.011436462,-0.001294136,-0.07324219,-0.050476074,-0.0256958,-0.062805176,-0.02558899,-0.08135986,0.027648926,0.019760132,-0.07476807,-0.023376465,-0.02772522,0.09057617,0.051940918,0.053466797,-0.062042236,0.030166626,-0.03515625,0.024536133,0.11895752,-0,0.053741455,-0.019470215,0.017028809,0.024139404,-0.02468872,-0.045898438,-0.0067977905,0.05871582,-0.021240234,0.020935059,0.05886841,0.074401855,-0.040130615,0.074157715,0.00869751,-0.026229858,-0.0051879883,0.038330078,-0.029525757,0.012039185,-0.016113281,-0.029144287,9.62615e-05,0.009506226,0.01637268,0.06500244,0.09832764,-0.049713135,0.046875,0.047912598,0.07507324,0.017120361,0.018432617,0.01701355,-0.051757812,0.06976318,0.09283447,0.0008969307,-0.07305908,0.00041675568,0.055725098,0.005508423,0.018478394,-0.11199951,0.038757324,-0.012451172,-0.023529053,0.021621704,-0.054473877,0.07531738,0.092285156,0.072143555,0.14929199,0.06304932,-0.014083862,0.02558899,0.058563232,-0.005630493,-0.012550354,0.0017337799,0.056793213,0.017303467,-0.03201294,0.03579712,-0.0657959,-0.027374268,0.05609131,0.07043457,-0.0029678345,0.043548584,0.0037708282,0.0065193176,0.011917114,-0.083740234,-0.07775879,0.011711121,0.053344727,-0.005168915,0.04949951,-0.06567383,-0.09954834,-0.0005669594,-0.0013465881,-0.061065674,-0.08630371,-0.035095215,0.03050232,-0.048675537,-0.011360168,0.009460449,-0.0793457,-0.05657959,-0.09173584,-0.032989502,0.021575928,-0,0.019836426,-0.03277588,-0.022415161,0.099853516,-0.05319214,0.05630493,-0.01600647,-0.033172607,-0.026504517,-0.047088623,-0.06506348,0.006942749,0.036102295,-0.036224365,0.109436035,-0.030563354,-0.045196533,0.041503906,-0.036956787,0.022979736,-0.046142578,0.011436462,0.027877808,0.005558014,0.027038574,0.0074157715,-0.059051514,-0.025924683,-0.1005249,-0.030654907,0.011276245,-0.079833984,-0.088256836,-0.103149414,-0.101257324,0.07623291,0.035125732,-0.053985596,-0.033081055,0.0072402954,0.054382324,0.057403564,0.058441162,0.08325195,-0.010925293,-0.055419922,-0.026062012,-0.031585693,0.058410645,0.07348633,0.019378662,0.0034770966,-0.02519226,-0.065979004,-0.089416504,-0.00045847893,-0.05126953,-0.049621582,-0.097839355,0.05834961,-0.0056610107,-0.02532959,-0.09161377,0.015792847,-0.020965576,-0.058563232,0.034942627,-0.056396484,-0.014640808,0.053009033,0.11871338,0.017318726,-0.054626465,-0.06866455,0.036315918,-0.03213501,0.056762695,-0.008781433,-0.0770874,-0.036712646,0.074523926,-0.060791016,0.035308838,0.091552734,-0.06173706,-0.018493652,0.007926941,-0.0070381165,-0.016311646,0.00084638596,-0.026397705,-0.00042247772,-0.045776367,-0.017822266,-0.08581543,-0,-0.008056641,0.08532715,-0.048461914,0.022644043,0.029205322,0.01184845,0.025024414,0.042175293,-0.00046896935,-0.037750244,0.13427734,-0.041656494,-0.031433105,0.016723633,0.053863525,-0.0029277802,0.029876709,0.01991272,-0.10473633,-0.080566406,-0.024307251,0.026138306,0.11199951,0.006298065,-0.024627686,0.0076789856,-0.056243896,-0.025466919,0.061065674,0.12976074,-0.07977295,-0.0046463013,0.09814453,-0.032928467,0.100097656,0.026641846,0.033691406,0.08703613,-0.044311523,0.032104492,-0.051208496,-0.00166893,-0.030731201,-0.009132385,-0.07324219,0.0013332367,0.0037193298,0.022064209,-0.024642944,0.010787964,-0.009422302,0.057434082,-0.004196167,0.01852417,-0.057159424,0.05166626,0.038391113,-0.016921997,0.0042304993,-0.02633667,-0.0063934326,-0.02911377,-0.05215454,0.097229004]');
INSERT INTO public.chunk OVERRIDING SYSTEM VALUE VALUES (4, 2, 1, 1, 0, 43, 17, NULL, 'Shears', 'Shears
The shears are oiled after each use.', '[-0.09051514,-0.050933838,0.053649902,0.051757812,-0.041259766,-0.014602661,-0.05053711,-0.037353516,0.06817627,0.0021953583,-0.0002297163,-0.008758545,-0.059173584,0.004573822,-0.055480957,-0.009880066,-0.039764404,0.049041748,-0.026977539,-0.00070858,0.031082153,0.050933838,-0.056518555,0.08331299,0.018936157,0.0625,-0.042144775,-0.018676758,0.05947876,0.025421143,0.06506348,-0.02230835,-0.03149414,0.059906006,-0.06188965,0.059326172,0.02999878,-0.005443573,-0.0016527176,0.015975952,-0.005168915,-0.11834717,0.0011796951,-0.14440918,-0.0032463074,-0.056152344,0.039978027,-0.03050232,-0.015449524,0.015304565,-0.038757324,-0.049591064,-0.10559082,-0.0914917,0.02130127,0.009109497,0.10101318,-0.0014600754,0.05328369,0.03274536,0.019989014,0.052642822,-0.09918213,0.12371826,-0.03579712,-0.02810669,0.028625488,-0.008712769,-0.061828613,-0.011878967,0.023361206,0.0473938,-0.03866577,0.068115234,0.036346436,0.0036354065,-0.058044434,-0.058441162,-0.03366089,-0.06695557,-0.08135986,0.05215454,0.054016113,0.022705078,0.01348114,0.05581665,-0.051239014,-0.033813477,0.051513672,0.04043579,0.0066833496,-0.0026245117,-0.07836914,0.07299805,0.100097656,-0.02507019,-0.0069885254,0.053833008,0.030563354,0.017990112,-0.06915283,-0.032958984,0.029541016,-0.012084961,-0.061157227,0.03237915,-0.12768555,-0.008575439,-0.043792725,0.056396484,0.0104599,-0.042114258,-0.001490593,-0.053588867,-0.048828125,-0.055847168,-0.026550293,-0.02609253,-0.013153076,0.09674072,0.04257202,0.019073486,0.006504059,-0.017547607,0.021194458,0.022338867,0.11694336,-0,0.044158936,-0.08666992,-0.045715332,0.020614624,-0.028625488,0.05895996,-0.05581665,-0.010818481,0.02482605,-0.022094727,0.066589355,0.13256836,-0.05770874,0.07928467,-0.015541077,-0.04663086,0.091308594,0.06951904,0.014373779,0.034057617,-0.03692627,0.0068626404,0.0036029816,0.00868988,0.015525818,-0.015563965,0.05130005,-0.029556274,-0.021347046,0.034240723,0.032684326,-0.048797607,-0.011627197,0.0042533875,-0.10357666,0.14489746,0.045898438,-0.058776855,-0.00043439865,-0.023986816,0.050354004,-0.03250122,-0.03189087,-0.04171753,-0.0345459,-0.00881958,-0.058380127,0.13708496,-0.0115737915,0.026000977,0.07733154,0.07788086,0.05126953,0.014770508,0.0069770813,0.03729248,0.00021362305,-0.025619507,-0.005176544,0.00497818,0.0076065063,0.09106445,-0.033447266,0.0118255615,0.08258057,-0.017990112,0.05899048,0.14831543,0.011451721,-0.02319336,-0.0881958,-0.020080566,0.0546875,0.029586792,-0.016998291,-0.009979248,-0.04711914,0.04272461,-0.010864258,0.0574646,-0.060272217,0.06951904,-0.030044556,-0.04953003,-0.044006348,0.08648682,0.00054454803,-0.005367279,-0.0030708313,0.019699097,-0.043273926,-0.07141113,-0.007949829,0.043792725,-0.00605011,-0,-0.053649902,0.019226074,-0.096191406,0.13842773,0.023803711,-0.0054016113,-0.056427002,-0.022537231,-0.057434082,-0.05722046,-0.026321411,-0.035736084,-0.07080078,-0.025283813,0.038879395,-0.010025024,-0.028198242,-0.010223389,-0.0054016113,-0.047058105,0.016113281,-0.024719238,0.008041382,0.039367676,0.02949524,-0.050323486,-0.09124756,-0.07397461,-0.07354736,0.07763672,0.042053223,-0.06036377,-0.018707275,-0.06866455,-0.0758667,0.09307861,-0.07293701,0.06958008,0.034484863,-0.018707275,0.026641846,0.009361267,0.05279541,0.050201416,-0.036376953,0.02305603,-0.004776001,-0.025390625,-0.0039367676,-0.0008196831,0.043029785,0.078552246,-0.008331299,-0.04916382,-0.03579712,0.0044403076,-0.019042969,-0.066467285,-0.032714844,-0.009140015,-0.020965576,0.023498535,-0.008842468,0.071899414,0.0149002075,-0.05090332,0.029312134,-0.1015625,-0.02267456,0.014022827,0.040374756,0.06225586,0.04824829,-0.09112549,0.06555176,-0.043426514,-0.05984497,-0.05041504,-0.07086182,0.020492554,0.041229248,-0.0385437,0.07043457,0.05328369,-0.095581055,-0.027511597,-0.036224365,0.025817871,0.055480957,-0.016921997,0.01398468,-0.046966553,0.05783081,-0.028640747,-0.033203125,-0,0.018157959,0.007434845,0.049041748,-0.0014133453,-0.05480957,0.01979065,0.005290985,0.14404297,0.025619507,-0.06976318,0.066345215,-0.03744507,-0.030136108,0.051361084,0.0692749,-0.035064697,-0.0034122467,-0.0019283295,-0.033721924,-0.09613037,0.024963379,-0.041931152,0.11047363,0.05596924,-0.0025081635,-0.054656982,-0.06951904,-0.073913574,-0.0053215027,0.1315918,-0.020935059,-0.014419556,-0.031585693,-0.007911682,0.08239746,-0.015823364,-0.04257202,-0.0054359436,-0.008834839,0.07171631,-0.03100586,-0.055236816,-0.00806427,-0.005142212,0.0012960434,0.016098022,-0.04547119,0.066589355,-0.06896973,-0.0463562,-0.0033607483,0.04562378,0.016937256,0.048919678,0.003068924,-0.039489746,0.032989502,-0.028320312,0.032318115,-0.008361816,-0.08111572,0.01928711,0.08532715,0.006652832]');
INSERT INTO public.chunk OVERRIDING SYSTEM VALUE VALUES (5, 4, 0, 0, 0, 59, 17, 1, NULL, 'Bees like clover and thyme.
The hive faces the morning sun.', '[0.021575928,0.032958984,0.09289551,0.06750488,0.06903076,0.014541626,0.06738281,-0.10467529,0.018218994,0.039093018,0.031585693,-0.064575195,-0.03741455,0.03717041,0.09576416,0.056640625,0.03186035,-0.07836914,-0.005130768,-0.013618469,-0.035949707,0.022262573,0.038360596,0.0256958,-0.02041626,0.050445557,-0.014541626,0.0062561035,-0.027175903,-0.08679199,-0.042144775,0.10571289,-0.040374756,-0.06439209,0.004295349,-0.0033435822,0.04837036,-0.045440674,0.06512451,-0.03366089,-0.027526855,-0.115722656,-0.0049057007,-0.03466797,-0.10406494,0.05923462,0.055023193,0.04736328,0.12756348,-0.101623535,0.0012130737,-0.002729416,-0.059051514,-0.018173218,-0.019012451,0.0132751465,-0.015106201,0.0020046234,0.07531738,-0.011169434,-0.003829956,0.011436462,0.04776001,0.042419434,0.03857422,-0.02734375,-0.08782959,0.001206398,0.016738892,-0.04736328,-0.028564453,0.0152282715,-0.07421875,0.06756592,-0.047454834,0.093688965,0.043426514,-0.010047913,0.049987793,-0.016937256,-0.07720947,0.024871826,-0.036865234,0.09729004,-0.00617218,-0.0023231506,-0.020126343,0.035125732,-0.029464722,0.01676941,-0.05114746,-0.094055176,-0.037200928,-0.017181396,-0.021148682,0.008605957,0.016220093,-0.044891357,-0.011779785,0.06463623,-0.01953125,-0.00440979,-0.066223145,0.046142578,0.017181396,-0.032989502,-0.08831787,-0.012306213,-0.012840271,0.014083862,0.0033607483,-0.020858765,0.064208984,0.043273926,-0.030548096,-0.048461914,-0.027359009,0.011497498,-0.005050659,0.098083496,0.05090332,0.03173828,-0.021514893,0.03262329,0.03552246,0.042236328,-0.042266846,-0,0.049621582,0.059692383,0.06756592,-0.015487671,0.05493164,-0.044525146,-0.068725586,0.049865723,-0.010307312,-0.07092285,-0.007083893,-0.048828125,-0.03564453,0.0009975433,-0.07531738,-0.024139404,-0.030273438,0.017059326,-0.014282227,-0.008766174,-0.10369873,0.056549072,-0.012283325,0.027648926,-0.027862549,-0.03579712,0.076660156,0.016479492,-0.014411926,0.026657104,0.12335205,-0.07543945,0.06768799,0.09283447,0.093322754,-0.023010254,0.02154541,-0.07727051,-0.0703125,-0.036743164,-0.047088623,0.045074463,-0.024734497,0.023284912,0.025177002,0.04940796,-0.05404663,0.019088745,0.042510986,-0.0385437,0.035247803,0.05718994,0.013679504,-0.011672974,0.02645874,0.028671265,0.061828613,-0.05529785,-0.14428711,0.020935059,-0.04272461,0.0104522705,-0.0109939575,-0.076660156,0.031829834,-0.023452759,-0.066223145,0.015777588,-0.078430176,0.016204834,0.062469482,-0.028839111,0.03414917,0.039855957,-0.044677734,0.0042381287,0.12207031,0.015991211,-0.005138397,-0.024795532,0.11065674,0.0006380081,0.0152282715,-0.08544922,-0.027359009,-0.02835083,-0.028549194,-0.06210327,0.0048065186,-0.068725586,-0.0030975342,-0.012336731,0.038391113,-0.004924774,-0.15527344,0,-0.03756714,0.03741455,-0.0099487305,0.02027893,0.009429932,-0.038848877,0.029556274,0.0134887695,-0.040802002,0.11175537,-0.045532227,-0.014915466,0.014389038,-0.022109985,0.008094788,-0.017303467,0.15319824,0.06829834,-0.01158905,0.07354736,-0.1484375,0.060180664,-0.012039185,-0.041625977,-0.004512787,0.06347656,-0.010032654,0.059173584,-0.020889282,-0.04574585,0.0032520294,-0.04336548,-0.03768921,-0.05429077,0.015640259,4.249811e-05,-0.027511597,-0.07232666,0.008773804,-0.028076172,-0.016311646,-0.09979248,0.053741455,-0.03918457,-0.0022220612,0.025772095,-0.07885742,0.1295166,-0.100097656,0.07421875,-0.024963379,0.043273926,-0.004501343,0.052978516,-0.054992676,-0.068359375,0.055755615,0.04058838,0.05758667,0.047851562,0.064941406,-0.0079193115,0.06677246,0.10595703,-0.031036377,-0.032836914,-0.10003662,-0.011054993,-0.007221222,0.02810669,0.11328125,-0.05178833,-0.07208252,-0.036010742,-0.018722534,0.0859375,-0.023208618,-0.031021118,-0.031311035,0.061401367,-0.12194824,0.008865356,-0.04421997,0.08862305,-0.010017395,-0.009712219,-0.028167725,0.014457703,0.0065345764,0.029251099,-0.03048706,0.03665161,-0.052978516,0.037994385,0.048675537,-0,0.03225708,-0.10534668,0.03729248,0.019683838,0.08703613,-0.025314331,0.058532715,0.0024032593,0.004562378,0.064697266,-0.02949524,0.01828003,0.0003068447,-0.0025806427,0.070007324,-0.012565613,0.036865234,-0.055267334,-0.03878784,-0.024505615,-0.06762695,0.06390381,-0.013870239,-0.023666382,0.03314209,-0.024337769,-0.030807495,0.0040016174,0.027282715,0.056671143,0.007789612,0.017501831,0.028533936,-0.08508301,-0.10858154,-0.0099105835,0.0149383545,0.027191162,-0.019165039,-0.004501343,0.007843018,0.058258057,0.028442383,-0.030197144,-0.02633667,-0.015151978,0.050933838,0.0151901245,-0.02949524,0.03277588,0.020126343,0.012901306,0.031585693,-0.028060913,-0.12597656,-0.044555664,-0.07043457,-0.04043579,0.02470398,0.04458618,0.059661865,0.0010957718,0.044830322,0.02192688]');
INSERT INTO public.chunk_vector OVERRIDING SYSTEM VALUE VALUES (1, 1, 1, 1, '[-0.015541077,0.010292053,0.045837402,-0.033294678,0.035583496,0.08300781,-0.08679199,-0.087890625,0.0054092407,0.029327393,0.034423828,0.045440674,-0.070739746,-0.024246216,0.013023376,0.046020508,-0.05697632,0.033203125,0.0033340454,-0.011383057,0.031921387,-0.014556885,-0.040130615,0.029037476,0.008979797,0.0016841888,-0.047912598,0.039611816,-0.030410767,-0.027511597,0.11413574,0.06707764,0.031097412,-0.008277893,-0.075805664,0.053588867,0.020812988,-0.061035156,0.069885254,0.048217773,-0.074645996,-0.08441162,-0.0017843246,0.0041542053,0.061279297,-0.0019254684,0.09161377,0.012512207,-0.0692749,-0.037261963,0.027694702,0.020828247,-0.1352539,-0.01084137,-0.003238678,0.04147339,0.01689148,0.030685425,0.017990112,-0.018341064,0.014297485,-0.019592285,-0.058746338,-0.0017185211,-0.11834717,-0.079711914,0.075805664,0.023620605,0.0715332,-0.028930664,0.066345215,0.08526611,-0.020324707,-0.046722412,-0.02670288,0.030288696,-0.02507019,0.047088623,0.041870117,-0.072143555,-0.09399414,0.037384033,-0.023330688,0.11468506,-0.012939453,0.037353516,-0.09790039,-0.018829346,-0.07220459,-0.099731445,0.009307861,-0.011108398,-0.062408447,0.12023926,-0.11798096,-0.00472641,0.0027389526,-0.092285156,-0.033691406,0.015464783,0.021331787,-0.0047569275,-0.03744507,0.065979004,-0.030975342,-0.03842163,-0.1352539,-0.0027809143,-0.060668945,-0.023880005,0.0069885254,-0.003686905,-0.0054626465,0.070739746,-0.012809753,0.0031280518,-0.0072250366,-0.049957275,0.043518066,0.093444824,0.0053901672,0.055389404,0.015327454,0.023803711,-0.009941101,0.011062622,0.05621338,-0,0.016448975,0.01902771,0.03189087,-0.07531738,0.026901245,-0.08514404,0.008743286,-0.037139893,0.024765015,-0.06317139,-0.035705566,-0.06695557,0.0031261444,-0.07714844,-0.06414795,-0.1149292,0.035369873,0.028823853,-0.058013916,0.008705139,-0.01890564,-0.011016846,-0.027999878,-0.006416321,0.008522034,-0.064331055,0.07098389,-0.049102783,0.026184082,0.06021118,0.04437256,0.0090789795,0.0317688,0.025375366,-0.0513916,0.055023193,-0.0077934265,-0.01864624,0.06506348,0.053710938,-0.064941406,0.03778076,0.004337311,-0.010673523,0.06903076,0.03012085,0.030838013,0.07470703,0.08227539,0.0029335022,0.04751587,0.0068092346,0.09655762,0.07324219,0.0051841736,-0.03982544,-0.07104492,-0.005844116,0.019088745,-0.036987305,0.057769775,0.034118652,-0.02885437,0.025375366,-0.068481445,-0.051452637,-0.00079488754,0.04638672,-0.015258789,0.06439209,0.05227661,0.08099365,0.02482605,-0.06915283,0.061309814,0.03225708,0.083862305,0.08282471,0.06896973,-0.019378662,0.016296387,0.04135132,-0.04940796,0.0079956055,-0.004142761,-0.032440186,0.013206482,0.10681152,-0.03086853,0.0101623535,0.041015625,-0.021759033,0.0770874,-0.054626465,0.016052246,0,-0.0035495758,0.054229736,0.03201294,0.028533936,0.018753052,0.05795288,-0.016235352,0.08868408,-0.048919678,0.004878998,-0.124816895,0.02619934,0.016220093,-0.018463135,-0.06311035,-0.057800293,0.05618286,0.004447937,-0.0064697266,0.053344727,-0.09387207,0.0036258698,-0.047546387,-0.031311035,-0.03793335,-0.030822754,0.072509766,-0.05456543,0.0066184998,-0.10748291,0.006465912,-0.092163086,-0.17126465,-0.07458496,-0.018051147,-0.004219055,-0.062683105,-0.0064926147,-0.035095215,0.07305908,0.036499023,-0.021987915,0.022033691,0.07501221,0.0519104,-0.0949707,-0.058746338,0.059020996,0.039093018,0.046173096,0.018066406,0.07531738,0.017410278,-0.02017212,0.04055786,-0.09692383,0.028564453,-0.007709503,-0.043823242,0.037597656,-0.10192871,-0.03036499,-0.013031006,0.025497437,0.013252258,-0.046539307,0.03491211,0.054656982,-0.038391113,0.043640137,0.007637024,0.07989502,-0.013450623,-0.121032715,0.015472412,-0.07836914,-0.04156494,-0.03164673,-0.019226074,-0.021362305,0.0044288635,-0.0028915405,0.006626129,0.006126404,-0.10601807,-0.072143555,-0.02305603,0.03778076,0.024429321,-0.021499634,-0.025360107,0.012428284,0.01789856,-0.0013561249,0.036743164,-0,0.07873535,-0.035003662,-0.026321411,-0.0023899078,0.014175415,0.03378296,0.050354004,0.13024902,0.034088135,-0.05239868,0.119628906,0.08306885,0.037109375,-0.0043640137,0.020874023,-0.028564453,0.10845947,-0.0024337769,-0.0008201599,-0.02557373,0.0065727234,0.033843994,0.07720947,-0.019241333,0.014694214,-0.05899048,0.010185242,-0.040161133,-0.0023155212,-0.001871109,0.015235901,0.0061454773,0.024932861,0.053863525,-0.034973145,0.022537231,0.082092285,0.0881958,-0.027038574,-0.03262329,-0.03768921,-0.038391113,0.02709961,0.022994995,-0.010383606,-0.052246094,0.018692017,-0.052764893,-0.008476257,-0.059936523,-0.08959961,0.008735657,0.020462036,-0.021026611,-0.019943237,0.05508423,-0.031951904,-0.032409668,-0.03652954,0.04977417,-0.010803223,-0.03225708,-0.012550354,0.1048584]');
INSERT INTO public.chunk_vector OVERRIDING SYSTEM VALUE VALUES (2, 1, 1, 2, '[-0.020996094,0.06506348,0.013923645,0.06994629,0.034606934,-0.08630371,0.023269653,-0.08605957,0.017044067,-0.051818848,0.0152282715,0.0018787384,0.032470703,0.02243042,-0.12805176,0.004650116,-0.035125732,0.062286377,-0.03375244,-0.05102539,-0.0635376,-0.0069503784,0.060638428,0.017349243,-0.0023517609,-0.06048584,-0.015716553,0.027359009,-0.037078857,-0.065979004,-0.046203613,0.10083008,-0.065979004,-0.0054130554,0.026168823,0.01713562,0.039611816,-0.04220581,0.061157227,-0.037322998,0.05441284,-0.027191162,0.02192688,-0.04156494,0.024765015,0.0030002594,-0.030761719,-0.028503418,-0.0033874512,-0.038726807,0.025024414,-0.0119018555,-0.09173584,-0.10253906,-0.024505615,0.033477783,0.048950195,0.050445557,0.030792236,0.022338867,0.019500732,-0.010620117,-0.033294678,0.011650085,-0.00014996529,-0.0026493073,-0.08239746,0.03164673,0.054595947,0.074157715,-0.050994873,0.008491516,-0.010887146,-0.05166626,-0.10180664,0.019332886,0.0053367615,-0.07507324,0.02558899,0.07006836,-0.05331421,-0.03253174,0.03286743,0.013938904,0.03387451,0.067871094,0.024749756,0.025878906,0.036132812,0.04196167,-0.049865723,-0.044555664,-0.027511597,0.001701355,-0.08111572,-0.0076179504,0.057250977,-0.14501953,-0.061462402,0.039978027,-0.014945984,-0.09033203,0.05609131,0.044677734,0.043395996,-0.019500732,-0.010749817,-0.0847168,-0.057250977,-0.052856445,-0.10498047,0.077941895,-0.0052986145,0.050689697,-0.05783081,0.021453857,0.05532837,0.06762695,-0.039520264,0.057128906,-0.050109863,0.06060791,0.02041626,-0.0107040405,0.025512695,0.019989014,0.010375977,-0,0.047424316,-0.040985107,0.048187256,-0.053985596,0.0013828278,-0.037506104,0.014442444,0.04928589,0.10064697,-0.051940918,-0.032104492,-0.11175537,0.025878906,-0.06982422,-0.0010948181,-0.02961731,0.044158936,-0.050048828,0.005027771,-0.009773254,0.030670166,-0.09942627,-0.10784912,-0.023544312,0.019195557,-0.12243652,0.011482239,-0.013702393,0.01675415,0.014770508,0.014968872,0.018371582,0.03930664,0.02381897,0.084228516,0.009170532,-0.0054397583,-0.010108948,0.0077056885,-0.008148193,-0.10595703,0.06298828,0.055419922,-0.04425049,-0.0030059814,-0.021896362,0.023040771,0.103637695,-0.0063095093,0.021957397,0.05886841,0.025054932,0.024383545,0.015319824,-0.014526367,-0.0071640015,0.046905518,-0.05895996,-0.053741455,0.022064209,0.033050537,-0.032287598,-0.089904785,-0.057556152,-0.01259613,0.117614746,-0.08947754,-0.005077362,0.011161804,-0.040802002,0.026031494,-0.049560547,0.08807373,0.0055656433,-0.038848877,-0.050567627,0.026275635,-0.004043579,0.008102417,0.06500244,0.08129883,0.019134521,0.018875122,-0.025039673,0.036712646,0.016067505,0.0010938644,0.034851074,0.06732178,0.056427002,0.09869385,-0.029251099,0.07891846,-0.10845947,0.010871887,0,0.07556152,0.058654785,-0.03173828,0.045043945,0.06317139,-0.037353516,-0.09423828,-0.034484863,0.02859497,0.007423401,0.044281006,0.022827148,-0.06506348,0.008155823,0.00035881996,-0.002922058,0.016326904,0.07891846,-0.0070266724,0.08868408,-0.11230469,0.026779175,-0.004306793,-0.007801056,0.017913818,-0.062194824,0.008773804,-0.01777649,-0.076538086,0.039916992,-0.04446411,-0.004337311,-0.049865723,-0.06549072,0.07659912,0.0020160675,-0.048431396,-0.07635498,0.046661377,0.11187744,0.004814148,-0.029174805,0.0014572144,0.09118652,0.002483368,0.05859375,-0.013389587,0.019897461,-0.048797607,0.02458191,0.006198883,0.022857666,-0.066345215,0.0039787292,0.054534912,-0.03933716,0.09753418,-0.05154419,-0.068603516,0.056427002,0.058258057,-0.051116943,-0.07055664,0.005908966,-0.04925537,0.062194824,-0.0009813309,0.15808105,0.02810669,-0.0055274963,0.0019874573,-0.056610107,0.017166138,-0.020645142,-0.06567383,-0.04824829,-0.045196533,0.03253174,-0.04144287,-0.05227661,-0.034118652,0.04626465,-0.06591797,0.018432617,-0.033935547,-0.070739746,-0.043914795,-0.10345459,-0.064453125,0.08325195,0.002632141,-0.047332764,0.061431885,0.058898926,0.073791504,-0,0.013397217,-0.05114746,0.03842163,0.028686523,-0.0053977966,-0.028579712,0.06640625,0.04837036,0.08355713,0.040222168,0.010795593,0.050048828,-0.0072517395,-0.028427124,-0.021560669,0.030593872,0.089782715,-0.028762817,-0.04727173,0.04055786,-0.077819824,0.035186768,-0.090026855,-0.02166748,0.02230835,-0.027832031,0.032318115,-0.053894043,0.09338379,0.04812622,0.07525635,-0.01826477,-0.006378174,0.005378723,-0.09613037,0.0006952286,0.068481445,0.0066566467,-0.046905518,0.068481445,-0.07574463,0.046142578,-0.033569336,-0.01399231,0.0158844,0.06402588,-0.0047302246,-0.0070724487,-0.082458496,0.05117798,0.031188965,0.037078857,0.08630371,0.051757812,0.06488037,0.027160645,0.09118652,0.01272583,-0.0055160522,0.059661865,-0.06378174,0.068725586,0.056365967,0.008834839]');
INSERT INTO public.chunk_vector OVERRIDING SYSTEM VALUE VALUES (3, 2, 1, 1, '[-0.015541077,0.010292053,0.045837402,-0.033294678,0.035583496,0.08300781,-0.08679199,-0.087890625,0.0054092407,0.029327393,0.034423828,0.045440674,-0.070739746,-0.024246216,0.013023376,0.046020508,-0.05697632,0.033203125,0.0033340454,-0.011383057,0.031921387,-0.014556885,-0.040130615,0.029037476,0.008979797,0.0016841888,-0.047912598,0.039611816,-0.030410767,-0.027511597,0.11413574,0.06707764,0.031097412,-0.008277893,-0.075805664,0.053588867,0.020812988,-0.061035156,0.069885254,0.048217773,-0.074645996,-0.08441162,-0.0017843246,0.0041542053,0.061279297,-0.0019254684,0.09161377,0.012512207,-0.0692749,-0.037261963,0.027694702,0.020828247,-0.1352539,-0.01084137,-0.003238678,0.04147339,0.01689148,0.030685425,0.017990112,-0.018341064,0.014297485,-0.019592285,-0.058746338,-0.0017185211,-0.11834717,-0.079711914,0.075805664,0.023620605,0.0715332,-0.028930664,0.066345215,0.08526611,-0.020324707,-0.046722412,-0.02670288,0.030288696,-0.02507019,0.047088623,0.041870117,-0.072143555,-0.09399414,0.037384033,-0.023330688,0.11468506,-0.012939453,0.037353516,-0.09790039,-0.018829346,-0.07220459,-0.099731445,0.009307861,-0.011108398,-0.062408447,0.12023926,-0.11798096,-0.00472641,0.0027389526,-0.092285156,-0.033691406,0.015464783,0.021331787,-0.0047569275,-0.03744507,0.065979004,-0.030975342,-0.03842163,-0.1352539,-0.0027809143,-0.060668945,-0.023880005,0.0069885254,-0.003686905,-0.0054626465,0.070739746,-0.012809753,0.0031280518,-0.0072250366,-0.049957275,0.043518066,0.093444824,0.0053901672,0.055389404,0.015327454,0.023803711,-0.009941101,0.011062622,0.05621338,-0,0.016448975,0.01902771,0.03189087,-0.07531738,0.026901245,-0.08514404,0.008743286,-0.037139893,0.024765015,-0.06317139,-0.035705566,-0.06695557,0.0031261444,-0.07714844,-0.06414795,-0.1149292,0.035369873,0.028823853,-0.058013916,0.008705139,-0.01890564,-0.011016846,-0.027999878,-0.006416321,0.008522034,-0.064331055,0.07098389,-0.049102783,0.026184082,0.06021118,0.04437256,0.0090789795,0.0317688,0.025375366,-0.0513916,0.055023193,-0.0077934265,-0.01864624,0.06506348,0.053710938,-0.064941406,0.03778076,0.004337311,-0.010673523,0.06903076,0.03012085,0.030838013,0.07470703,0.08227539,0.0029335022,0.04751587,0.0068092346,0.09655762,0.07324219,0.0051841736,-0.03982544,-0.07104492,-0.005844116,0.019088745,-0.036987305,0.057769775,0.034118652,-0.02885437,0.025375366,-0.068481445,-0.051452637,-0.00079488754,0.04638672,-0.015258789,0.06439209,0.05227661,0.08099365,0.02482605,-0.06915283,0.061309814,0.03225708,0.083862305,0.08282471,0.06896973,-0.019378662,0.016296387,0.04135132,-0.04940796,0.0079956055,-0.004142761,-0.032440186,0.013206482,0.10681152,-0.03086853,0.0101623535,0.041015625,-0.021759033,0.0770874,-0.054626465,0.016052246,0,-0.0035495758,0.054229736,0.03201294,0.028533936,0.018753052,0.05795288,-0.016235352,0.08868408,-0.048919678,0.004878998,-0.124816895,0.02619934,0.016220093,-0.018463135,-0.06311035,-0.057800293,0.05618286,0.004447937,-0.0064697266,0.053344727,-0.09387207,0.0036258698,-0.047546387,-0.031311035,-0.03793335,-0.030822754,0.072509766,-0.05456543,0.0066184998,-0.10748291,0.006465912,-0.092163086,-0.17126465,-0.07458496,-0.018051147,-0.004219055,-0.062683105,-0.0064926147,-0.035095215,0.07305908,0.036499023,-0.021987915,0.022033691,0.07501221,0.0519104,-0.0949707,-0.058746338,0.059020996,0.039093018,0.046173096,0.018066406,0.07531738,0.017410278,-0.02017212,0.04055786,-0.09692383,0.028564453,-0.007709503,-0.043823242,0.037597656,-0.10192871,-0.03036499,-0.013031006,0.025497437,0.013252258,-0.046539307,0.03491211,0.054656982,-0.038391113,0.043640137,0.007637024,0.07989502,-0.013450623,-0.121032715,0.015472412,-0.07836914,-0.04156494,-0.03164673,-0.019226074,-0.021362305,0.0044288635,-0.0028915405,0.006626129,0.006126404,-0.10601807,-0.072143555,-0.02305603,0.03778076,0.024429321,-0.021499634,-0.025360107,0.012428284,0.01789856,-0.0013561249,0.036743164,-0,0.07873535,-0.035003662,-0.026321411,-0.0023899078,0.014175415,0.03378296,0.050354004,0.13024902,0.034088135,-0.05239868,0.119628906,0.08306885,0.037109375,-0.0043640137,0.020874023,-0.028564453,0.10845947,-0.0024337769,-0.0008201599,-0.02557373,0.0065727234,0.033843994,0.07720947,-0.019241333,0.014694214,-0.05899048,0.010185242,-0.040161133,-0.0023155212,-0.001871109,0.015235901,0.0061454773,0.024932861,0.053863525,-0.034973145,0.022537231,0.082092285,0.0881958,-0.027038574,-0.03262329,-0.03768921,-0.038391113,0.02709961,0.022994995,-0.010383606,-0.052246094,0.018692017,-0.052764893,-0.008476257,-0.059936523,-0.08959961,0.008735657,0.020462036,-0.021026611,-0.019943237,0.05508423,-0.031951904,-0.032409668,-0.03652954,0.04977417,-0.010803223,-0.03225708,-0.012550354,0.1048584]');
INSERT INTO public.chunk_vector OVERRIDING SYSTEM VALUE VALUES (4, 2, 1, 2, '[-0.020996094,0.06506348,0.013923645,0.06994629,0.034606934,-0.08630371,0.023269653,-0.08605957,0.017044067,-0.051818848,0.0152282715,0.0018787384,0.032470703,0.02243042,-0.12805176,0.004650116,-0.035125732,0.062286377,-0.03375244,-0.05102539,-0.0635376,-0.0069503784,0.060638428,0.017349243,-0.0023517609,-0.06048584,-0.015716553,0.027359009,-0.037078857,-0.065979004,-0.046203613,0.10083008,-0.065979004,-0.0054130554,0.026168823,0.01713562,0.039611816,-0.04220581,0.061157227,-0.037322998,0.05441284,-0.027191162,0.02192688,-0.04156494,0.024765015,0.0030002594,-0.030761719,-0.028503418,-0.0033874512,-0.038726807,0.025024414,-0.0119018555,-0.09173584,-0.10253906,-0.024505615,0.033477783,0.048950195,0.050445557,0.030792236,0.022338867,0.019500732,-0.010620117,-0.033294678,0.011650085,-0.00014996529,-0.0026493073,-0.08239746,0.03164673,0.054595947,0.074157715,-0.050994873,0.008491516,-0.010887146,-0.05166626,-0.10180664,0.019332886,0.0053367615,-0.07507324,0.02558899,0.07006836,-0.05331421,-0.03253174,0.03286743,0.013938904,0.03387451,0.067871094,0.024749756,0.025878906,0.036132812,0.04196167,-0.049865723,-0.044555664,-0.027511597,0.001701355,-0.08111572,-0.0076179504,0.057250977,-0.14501953,-0.061462402,0.039978027,-0.014945984,-0.09033203,0.05609131,0.044677734,0.043395996,-0.019500732,-0.010749817,-0.0847168,-0.057250977,-0.052856445,-0.10498047,0.077941895,-0.0052986145,0.050689697,-0.05783081,0.021453857,0.05532837,0.06762695,-0.039520264,0.057128906,-0.050109863,0.06060791,0.02041626,-0.0107040405,0.025512695,0.019989014,0.010375977,-0,0.047424316,-0.040985107,0.048187256,-0.053985596,0.0013828278,-0.037506104,0.014442444,0.04928589,0.10064697,-0.051940918,-0.032104492,-0.11175537,0.025878906,-0.06982422,-0.0010948181,-0.02961731,0.044158936,-0.050048828,0.005027771,-0.009773254,0.030670166,-0.09942627,-0.10784912,-0.023544312,0.019195557,-0.12243652,0.011482239,-0.013702393,0.01675415,0.014770508,0.014968872,0.018371582,0.03930664,0.02381897,0.084228516,0.009170532,-0.0054397583,-0.010108948,0.0077056885,-0.008148193,-0.10595703,0.06298828,0.055419922,-0.04425049,-0.0030059814,-0.021896362,0.023040771,0.103637695,-0.0063095093,0.021957397,0.05886841,0.025054932,0.024383545,0.015319824,-0.014526367,-0.0071640015,0.046905518,-0.05895996,-0.053741455,0.022064209,0.033050537,-0.032287598,-0.089904785,-0.057556152,-0.01259613,0.117614746,-0.08947754,-0.005077362,0.011161804,-0.040802002,0.026031494,-0.049560547,0.08807373,0.0055656433,-0.038848877,-0.050567627,0.026275635,-0.004043579,0.008102417,0.06500244,0.08129883,0.019134521,0.018875122,-0.025039673,0.036712646,0.016067505,0.0010938644,0.034851074,0.06732178,0.056427002,0.09869385,-0.029251099,0.07891846,-0.10845947,0.010871887,0,0.07556152,0.058654785,-0.03173828,0.045043945,0.06317139,-0.037353516,-0.09423828,-0.034484863,0.02859497,0.007423401,0.044281006,0.022827148,-0.06506348,0.008155823,0.00035881996,-0.002922058,0.016326904,0.07891846,-0.0070266724,0.08868408,-0.11230469,0.026779175,-0.004306793,-0.007801056,0.017913818,-0.062194824,0.008773804,-0.01777649,-0.076538086,0.039916992,-0.04446411,-0.004337311,-0.049865723,-0.06549072,0.07659912,0.0020160675,-0.048431396,-0.07635498,0.046661377,0.11187744,0.004814148,-0.029174805,0.0014572144,0.09118652,0.002483368,0.05859375,-0.013389587,0.019897461,-0.048797607,0.02458191,0.006198883,0.022857666,-0.066345215,0.0039787292,0.054534912,-0.03933716,0.09753418,-0.05154419,-0.068603516,0.056427002,0.058258057,-0.051116943,-0.07055664,0.005908966,-0.04925537,0.062194824,-0.0009813309,0.15808105,0.02810669,-0.0055274963,0.0019874573,-0.056610107,0.017166138,-0.020645142,-0.06567383,-0.04824829,-0.045196533,0.03253174,-0.04144287,-0.05227661,-0.034118652,0.04626465,-0.06591797,0.018432617,-0.033935547,-0.070739746,-0.043914795,-0.10345459,-0.064453125,0.08325195,0.002632141,-0.047332764,0.061431885,0.058898926,0.073791504,-0,0.013397217,-0.05114746,0.03842163,0.028686523,-0.0053977966,-0.028579712,0.06640625,0.04837036,0.08355713,0.040222168,0.010795593,0.050048828,-0.0072517395,-0.028427124,-0.021560669,0.030593872,0.089782715,-0.028762817,-0.04727173,0.04055786,-0.077819824,0.035186768,-0.090026855,-0.02166748,0.02230835,-0.027832031,0.032318115,-0.053894043,0.09338379,0.04812622,0.07525635,-0.01826477,-0.006378174,0.005378723,-0.09613037,0.0006952286,0.068481445,0.0066566467,-0.046905518,0.068481445,-0.07574463,0.046142578,-0.033569336,-0.01399231,0.0158844,0.06402588,-0.0047302246,-0.0070724487,-0.082458496,0.05117798,0.031188965,0.037078857,0.08630371,0.051757812,0.06488037,0.027160645,0.09118652,0.01272583,-0.0055160522,0.059661865,-0.06378174,0.068725586,0.056365967,0.008834839]');
INSERT INTO public.chunk_vector OVERRIDING SYSTEM VALUE VALUES (5, 1, 2, 3, '[-0.07269287,0.045013428,-0.0041999817,0.044036865,-0.02053833,-0.05117798,-0.020004272,0.0037593842,-0.06518555,0.06945801,-0.008354187,0.083618164,-0.0069351196,0.04638672,-0.047546387,-0.03265381,-0.15014648,-0.04107666,0.027938843,0.01776123,0.04901123,0.0758667,-0.047180176,-0.010299683,0.0074043274,0.059814453,-0.00762558,-0.006378174,-0.06439209,-0.024780273,-0.026519775,0.08886719,0.04058838,0.048950195,0.0008049011,0.03451538,0.0047798157,0.034698486,0.00894165,0.018707275,-0.02104187,-0.030197144,0.015464783,-0.06542969,0.017471313,-0.043029785,0.008369446,-0.018722534,0.041015625,0.019256592,-0.054901123,-0.007545471,-0.07354736,0.0028419495,0.03527832,0.035736084,-0.016540527,0.039733887,0.034698486,-0.014839172,-0.042510986,0.044555664,-0.0881958,0.06976318,-0.013366699,-0.0013360977,0.02810669,-0.09692383,-0.004371643,-0.04321289,-0.017837524,0.06970215,-0.020126343,0.00048327446,0.011955261,0.0134887695,-0.02532959,-0.0047569275,0.075805664,-0.054473877,-0.107666016,-0.036346436,0.0031776428,0.066833496,0.05230713,0.044403076,-0.0010976791,-0.054626465,0.031158447,-0.016113281,0.015266418,-0.032562256,-0.062286377,0.10180664,-0.10925293,0.004096985,0.05911255,0.118896484,-0.096191406,0.081970215,0.013931274,-0.06185913,-0.02255249,-0.049194336,0.046966553,-0.00010728836,0.011436462,-0.001294136,-0.07324219,-0.050476074,-0.0256958,-0.062805176,-0.02558899,-0.08135986,0.027648926,0.019760132,-0.07476807,-0.023376465,-0.02772522,0.09057617,0.051940918,0.053466797,-0.062042236,0.030166626,-0.03515625,0.024536133,0.11895752,-0,0.053741455,-0.019470215,0.017028809,0.024139404,-0.02468872,-0.045898438,-0.0067977905,0.05871582,-0.021240234,0.020935059,0.05886841,0.074401855,-0.040130615,0.074157715,0.00869751,-0.026229858,-0.0051879883,0.038330078,-0.029525757,0.012039185,-0.016113281,-0.029144287,9.62615e-05,0.009506226,0.01637268,0.06500244,0.09832764,-0.049713135,0.046875,0.047912598,0.07507324,0.017120361,0.018432617,0.01701355,-0.051757812,0.06976318,0.09283447,0.0008969307,-0.07305908,0.00041675568,0.055725098,0.005508423,0.018478394,-0.11199951,0.038757324,-0.012451172,-0.023529053,0.021621704,-0.054473877,0.07531738,0.092285156,0.072143555,0.14929199,0.06304932,-0.014083862,0.02558899,0.058563232,-0.005630493,-0.012550354,0.0017337799,0.056793213,0.017303467,-0.03201294,0.03579712,-0.0657959,-0.027374268,0.05609131,0.07043457,-0.0029678345,0.043548584,0.0037708282,0.0065193176,0.011917114,-0.083740234,-0.07775879,0.011711121,0.053344727,-0.005168915,0.04949951,-0.06567383,-0.09954834,-0.0005669594,-0.0013465881,-0.061065674,-0.08630371,-0.035095215,0.03050232,-0.048675537,-0.011360168,0.009460449,-0.0793457,-0.05657959,-0.09173584,-0.032989502,0.021575928,-0,0.019836426,-0.03277588,-0.022415161,0.099853516,-0.05319214,0.05630493,-0.01600647,-0.033172607,-0.026504517,-0.047088623,-0.06506348,0.006942749,0.036102295,-0.036224365,0.109436035,-0.030563354,-0.045196533,0.041503906,-0.036956787,0.022979736,-0.046142578,0.011436462,0.027877808,0.005558014,0.027038574,0.0074157715,-0.059051514,-0.025924683,-0.1005249,-0.030654907,0.011276245,-0.079833984,-0.088256836,-0.103149414,-0.101257324,0.07623291,0.035125732,-0.053985596,-0.033081055,0.0072402954,0.054382324,0.057403564,0.058441162,0.08325195,-0.010925293,-0.055419922,-0.026062012,-0.031585693,0.058410645,0.07348633,0.019378662,0.0034770966,-0.02519226,-0.065979004,-0.089416504,-0.00045847893,-0.05126953,-0.049621582,-0.097839355,0.05834961,-0.0056610107,-0.02532959,-0.09161377,0.015792847,-0.020965576,-0.058563232,0.034942627,-0.056396484,-0.014640808,0.053009033,0.11871338,0.017318726,-0.054626465,-0.06866455,0.036315918,-0.03213501,0.056762695,-0.008781433,-0.0770874,-0.036712646,0.074523926,-0.060791016,0.035308838,0.091552734,-0.06173706,-0.018493652,0.007926941,-0.0070381165,-0.016311646,0.00084638596,-0.026397705,-0.00042247772,-0.045776367,-0.017822266,-0.08581543,-0,-0.008056641,0.08532715,-0.048461914,0.022644043,0.029205322,0.01184845,0.025024414,0.042175293,-0.00046896935,-0.037750244,0.13427734,-0.041656494,-0.031433105,0.016723633,0.053863525,-0.0029277802,0.029876709,0.01991272,-0.10473633,-0.080566406,-0.024307251,0.026138306,0.11199951,0.006298065,-0.024627686,0.0076789856,-0.056243896,-0.025466919,0.061065674,0.12976074,-0.07977295,-0.0046463013,0.09814453,-0.032928467,0.100097656,0.026641846,0.033691406,0.08703613,-0.044311523,0.032104492,-0.051208496,-0.00166893,-0.030731201,-0.009132385,-0.07324219,0.0013332367,0.0037193298,0.022064209,-0.024642944,0.010787964,-0.009422302,0.057434082,-0.004196167,0.01852417,-0.057159424,0.05166626,0.038391113,-0.016921997,0.0042304993,-0.02633667,-0.0063934326,-0.02911377,-0.05215454,0.097229004]');
INSERT INTO public.chunk_vector OVERRIDING SYSTEM VALUE VALUES (6, 1, 2, 4, '[-0.09051514,-0.050933838,0.053649902,0.051757812,-0.041259766,-0.014602661,-0.05053711,-0.037353516,0.06817627,0.0021953583,-0.0002297163,-0.008758545,-0.059173584,0.004573822,-0.055480957,-0.009880066,-0.039764404,0.049041748,-0.026977539,-0.00070858,0.031082153,0.050933838,-0.056518555,0.08331299,0.018936157,0.0625,-0.042144775,-0.018676758,0.05947876,0.025421143,0.06506348,-0.02230835,-0.03149414,0.059906006,-0.06188965,0.059326172,0.02999878,-0.005443573,-0.0016527176,0.015975952,-0.005168915,-0.11834717,0.0011796951,-0.14440918,-0.0032463074,-0.056152344,0.039978027,-0.03050232,-0.015449524,0.015304565,-0.038757324,-0.049591064,-0.10559082,-0.0914917,0.02130127,0.009109497,0.10101318,-0.0014600754,0.05328369,0.03274536,0.019989014,0.052642822,-0.09918213,0.12371826,-0.03579712,-0.02810669,0.028625488,-0.008712769,-0.061828613,-0.011878967,0.023361206,0.0473938,-0.03866577,0.068115234,0.036346436,0.0036354065,-0.058044434,-0.058441162,-0.03366089,-0.06695557,-0.08135986,0.05215454,0.054016113,0.022705078,0.01348114,0.05581665,-0.051239014,-0.033813477,0.051513672,0.04043579,0.0066833496,-0.0026245117,-0.07836914,0.07299805,0.100097656,-0.02507019,-0.0069885254,0.053833008,0.030563354,0.017990112,-0.06915283,-0.032958984,0.029541016,-0.012084961,-0.061157227,0.03237915,-0.12768555,-0.008575439,-0.043792725,0.056396484,0.0104599,-0.042114258,-0.001490593,-0.053588867,-0.048828125,-0.055847168,-0.026550293,-0.02609253,-0.013153076,0.09674072,0.04257202,0.019073486,0.006504059,-0.017547607,0.021194458,0.022338867,0.11694336,-0,0.044158936,-0.08666992,-0.045715332,0.020614624,-0.028625488,0.05895996,-0.05581665,-0.010818481,0.02482605,-0.022094727,0.066589355,0.13256836,-0.05770874,0.07928467,-0.015541077,-0.04663086,0.091308594,0.06951904,0.014373779,0.034057617,-0.03692627,0.0068626404,0.0036029816,0.00868988,0.015525818,-0.015563965,0.05130005,-0.029556274,-0.021347046,0.034240723,0.032684326,-0.048797607,-0.011627197,0.0042533875,-0.10357666,0.14489746,0.045898438,-0.058776855,-0.00043439865,-0.023986816,0.050354004,-0.03250122,-0.03189087,-0.04171753,-0.0345459,-0.00881958,-0.058380127,0.13708496,-0.0115737915,0.026000977,0.07733154,0.07788086,0.05126953,0.014770508,0.0069770813,0.03729248,0.00021362305,-0.025619507,-0.005176544,0.00497818,0.0076065063,0.09106445,-0.033447266,0.0118255615,0.08258057,-0.017990112,0.05899048,0.14831543,0.011451721,-0.02319336,-0.0881958,-0.020080566,0.0546875,0.029586792,-0.016998291,-0.009979248,-0.04711914,0.04272461,-0.010864258,0.0574646,-0.060272217,0.06951904,-0.030044556,-0.04953003,-0.044006348,0.08648682,0.00054454803,-0.005367279,-0.0030708313,0.019699097,-0.043273926,-0.07141113,-0.007949829,0.043792725,-0.00605011,-0,-0.053649902,0.019226074,-0.096191406,0.13842773,0.023803711,-0.0054016113,-0.056427002,-0.022537231,-0.057434082,-0.05722046,-0.026321411,-0.035736084,-0.07080078,-0.025283813,0.038879395,-0.010025024,-0.028198242,-0.010223389,-0.0054016113,-0.047058105,0.016113281,-0.024719238,0.008041382,0.039367676,0.02949524,-0.050323486,-0.09124756,-0.07397461,-0.07354736,0.07763672,0.042053223,-0.06036377,-0.018707275,-0.06866455,-0.0758667,0.09307861,-0.07293701,0.06958008,0.034484863,-0.018707275,0.026641846,0.009361267,0.05279541,0.050201416,-0.036376953,0.02305603,-0.004776001,-0.025390625,-0.0039367676,-0.0008196831,0.043029785,0.078552246,-0.008331299,-0.04916382,-0.03579712,0.0044403076,-0.019042969,-0.066467285,-0.032714844,-0.009140015,-0.020965576,0.023498535,-0.008842468,0.071899414,0.0149002075,-0.05090332,0.029312134,-0.1015625,-0.02267456,0.014022827,0.040374756,0.06225586,0.04824829,-0.09112549,0.06555176,-0.043426514,-0.05984497,-0.05041504,-0.07086182,0.020492554,0.041229248,-0.0385437,0.07043457,0.05328369,-0.095581055,-0.027511597,-0.036224365,0.025817871,0.055480957,-0.016921997,0.01398468,-0.046966553,0.05783081,-0.028640747,-0.033203125,-0,0.018157959,0.007434845,0.049041748,-0.0014133453,-0.05480957,0.01979065,0.005290985,0.14404297,0.025619507,-0.06976318,0.066345215,-0.03744507,-0.030136108,0.051361084,0.0692749,-0.035064697,-0.0034122467,-0.0019283295,-0.033721924,-0.09613037,0.024963379,-0.041931152,0.11047363,0.05596924,-0.0025081635,-0.054656982,-0.06951904,-0.073913574,-0.0053215027,0.1315918,-0.020935059,-0.014419556,-0.031585693,-0.007911682,0.08239746,-0.015823364,-0.04257202,-0.0054359436,-0.008834839,0.07171631,-0.03100586,-0.055236816,-0.00806427,-0.005142212,0.0012960434,0.016098022,-0.04547119,0.066589355,-0.06896973,-0.0463562,-0.0033607483,0.04562378,0.016937256,0.048919678,0.003068924,-0.039489746,0.032989502,-0.028320312,0.032318115,-0.008361816,-0.08111572,0.01928711,0.08532715,0.006652832]');
INSERT INTO public.chunk_vector OVERRIDING SYSTEM VALUE VALUES (7, 3, 4, 5, '[0.021575928,0.032958984,0.09289551,0.06750488,0.06903076,0.014541626,0.06738281,-0.10467529,0.018218994,0.039093018,0.031585693,-0.064575195,-0.03741455,0.03717041,0.09576416,0.056640625,0.03186035,-0.07836914,-0.005130768,-0.013618469,-0.035949707,0.022262573,0.038360596,0.0256958,-0.02041626,0.050445557,-0.014541626,0.0062561035,-0.027175903,-0.08679199,-0.042144775,0.10571289,-0.040374756,-0.06439209,0.004295349,-0.0033435822,0.04837036,-0.045440674,0.06512451,-0.03366089,-0.027526855,-0.115722656,-0.0049057007,-0.03466797,-0.10406494,0.05923462,0.055023193,0.04736328,0.12756348,-0.101623535,0.0012130737,-0.002729416,-0.059051514,-0.018173218,-0.019012451,0.0132751465,-0.015106201,0.0020046234,0.07531738,-0.011169434,-0.003829956,0.011436462,0.04776001,0.042419434,0.03857422,-0.02734375,-0.08782959,0.001206398,0.016738892,-0.04736328,-0.028564453,0.0152282715,-0.07421875,0.06756592,-0.047454834,0.093688965,0.043426514,-0.010047913,0.049987793,-0.016937256,-0.07720947,0.024871826,-0.036865234,0.09729004,-0.00617218,-0.0023231506,-0.020126343,0.035125732,-0.029464722,0.01676941,-0.05114746,-0.094055176,-0.037200928,-0.017181396,-0.021148682,0.008605957,0.016220093,-0.044891357,-0.011779785,0.06463623,-0.01953125,-0.00440979,-0.066223145,0.046142578,0.017181396,-0.032989502,-0.08831787,-0.012306213,-0.012840271,0.014083862,0.0033607483,-0.020858765,0.064208984,0.043273926,-0.030548096,-0.048461914,-0.027359009,0.011497498,-0.005050659,0.098083496,0.05090332,0.03173828,-0.021514893,0.03262329,0.03552246,0.042236328,-0.042266846,-0,0.049621582,0.059692383,0.06756592,-0.015487671,0.05493164,-0.044525146,-0.068725586,0.049865723,-0.010307312,-0.07092285,-0.007083893,-0.048828125,-0.03564453,0.0009975433,-0.07531738,-0.024139404,-0.030273438,0.017059326,-0.014282227,-0.008766174,-0.10369873,0.056549072,-0.012283325,0.027648926,-0.027862549,-0.03579712,0.076660156,0.016479492,-0.014411926,0.026657104,0.12335205,-0.07543945,0.06768799,0.09283447,0.093322754,-0.023010254,0.02154541,-0.07727051,-0.0703125,-0.036743164,-0.047088623,0.045074463,-0.024734497,0.023284912,0.025177002,0.04940796,-0.05404663,0.019088745,0.042510986,-0.0385437,0.035247803,0.05718994,0.013679504,-0.011672974,0.02645874,0.028671265,0.061828613,-0.05529785,-0.14428711,0.020935059,-0.04272461,0.0104522705,-0.0109939575,-0.076660156,0.031829834,-0.023452759,-0.066223145,0.015777588,-0.078430176,0.016204834,0.062469482,-0.028839111,0.03414917,0.039855957,-0.044677734,0.0042381287,0.12207031,0.015991211,-0.005138397,-0.024795532,0.11065674,0.0006380081,0.0152282715,-0.08544922,-0.027359009,-0.02835083,-0.028549194,-0.06210327,0.0048065186,-0.068725586,-0.0030975342,-0.012336731,0.038391113,-0.004924774,-0.15527344,0,-0.03756714,0.03741455,-0.0099487305,0.02027893,0.009429932,-0.038848877,0.029556274,0.0134887695,-0.040802002,0.11175537,-0.045532227,-0.014915466,0.014389038,-0.022109985,0.008094788,-0.017303467,0.15319824,0.06829834,-0.01158905,0.07354736,-0.1484375,0.060180664,-0.012039185,-0.041625977,-0.004512787,0.06347656,-0.010032654,0.059173584,-0.020889282,-0.04574585,0.0032520294,-0.04336548,-0.03768921,-0.05429077,0.015640259,4.249811e-05,-0.027511597,-0.07232666,0.008773804,-0.028076172,-0.016311646,-0.09979248,0.053741455,-0.03918457,-0.0022220612,0.025772095,-0.07885742,0.1295166,-0.100097656,0.07421875,-0.024963379,0.043273926,-0.004501343,0.052978516,-0.054992676,-0.068359375,0.055755615,0.04058838,0.05758667,0.047851562,0.064941406,-0.0079193115,0.06677246,0.10595703,-0.031036377,-0.032836914,-0.10003662,-0.011054993,-0.007221222,0.02810669,0.11328125,-0.05178833,-0.07208252,-0.036010742,-0.018722534,0.0859375,-0.023208618,-0.031021118,-0.031311035,0.061401367,-0.12194824,0.008865356,-0.04421997,0.08862305,-0.010017395,-0.009712219,-0.028167725,0.014457703,0.0065345764,0.029251099,-0.03048706,0.03665161,-0.052978516,0.037994385,0.048675537,-0,0.03225708,-0.10534668,0.03729248,0.019683838,0.08703613,-0.025314331,0.058532715,0.0024032593,0.004562378,0.064697266,-0.02949524,0.01828003,0.0003068447,-0.0025806427,0.070007324,-0.012565613,0.036865234,-0.055267334,-0.03878784,-0.024505615,-0.06762695,0.06390381,-0.013870239,-0.023666382,0.03314209,-0.024337769,-0.030807495,0.0040016174,0.027282715,0.056671143,0.007789612,0.017501831,0.028533936,-0.08508301,-0.10858154,-0.0099105835,0.0149383545,0.027191162,-0.019165039,-0.004501343,0.007843018,0.058258057,0.028442383,-0.030197144,-0.02633667,-0.015151978,0.050933838,0.0151901245,-0.02949524,0.03277588,0.020126343,0.012901306,0.031585693,-0.028060913,-0.12597656,-0.044555664,-0.07043457,-0.04043579,0.02470398,0.04458618,0.059661865,0.0010957718,0.044830322,0.02192688]');
INSERT INTO public.citation VALUES (2, 1, '1', 1, 'Garden', 1, NULL, 'The roses are pruned in March, before the first leaves.', 1);
INSERT INTO public.citation VALUES (4, 1, '1', 1, 'Garden', 1, NULL, 'The roses are pruned in March, before the first leaves.', 1);
INSERT INTO public.disabled_account VALUES (4, '2026-11-28 01:54:50.09688');
INSERT INTO public.doc_user VALUES (1, 1, 3, 'read');
INSERT INTO public.document VALUES (1, 2, 'Garden', 'e5/e597710bb9b8d22a2e904a8f4dabf4c0', '{"size": 1908, "pages": 2, "reader": 2, "sha256": "22b81110ef76dc55af72cc2e1ba092eef8607245a3bd47a17b0d889a12098eaa", "warnings": [], "original_filename": "garden.pdf"}', 'pdf', false, '2026-11-28 01:54:47.540639');
INSERT INTO public.document VALUES (2, 2, 'Tools', 'e9/e99fa8621c8aacb18d231462cbd2da13', '{"size": 1552, "pages": null, "reader": 2, "sha256": "eb8aefe95f4d7c8e4af2f56fb54348eb7114bb6ab66cd29865f0df86a3a35aa1", "warnings": [], "original_filename": "tools.docx"}', 'docx', false, '2026-11-28 01:54:48.982135');
INSERT INTO public.document VALUES (3, 2, 'Broken', '8f/8f3d062b9792ff3e04ea4a6d212960ac', '{"size": 29, "sha256": "06ca966fb96bd6e37dbd8161777abf1d3e6d48f7278fb8b9957e7433964040ad", "original_filename": "broken.pdf"}', 'pdf', false, '2026-11-28 01:54:49.217031');
INSERT INTO public.document VALUES (4, 3, 'Bees', 'c9/c966844ab1b27e5bb832e5456eec61b4', '{"size": 1405, "pages": 1, "reader": 2, "sha256": "e8f58e8c1569369230afb20a653b12d3bfbe12b500cc3728e0c1e8e9717a45c3", "warnings": [], "original_filename": "bees.pdf"}', 'pdf', false, '2026-11-28 01:54:49.410835');
INSERT INTO public.document VALUES (5, 2, 'Waiting', '63/63fd30565a04f5f25553b056e2ff109f', '{"size": 1403, "sha256": "365dfd8df8c37a6df922f362b12cbbaf51674fad2de4ec1912f9845b7188f7a5", "original_filename": "waiting.pdf"}', 'pdf', false, '2026-11-28 01:54:51.13297');
INSERT INTO public.embedding_model VALUES (1, 'all-MiniLM-L6-v2', '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db', 384, 'int8-v1');
INSERT INTO public.evaluation_place VALUES (1, 1, 1, 1, NULL);
INSERT INTO public.evaluation_question VALUES (1, 1, 'When are the roses pruned?', '2026-11-28 01:54:50.160784');
INSERT INTO public.evaluation_run VALUES (1, 1, 2, '{"k": 5, "mode": "hybrid", "leaked": 0, "latency": {"p50": 5.43, "p95": 5.43, "slowest": 5.43}, "unknown": [], "measures": {"RR": {"low": 1.0, "high": 1.0, "mean": 1.0, "values": {"1": 1.0}}, "R@5": {"low": 1.0, "high": 1.0, "mean": 1.0, "values": {"1": 1.0}}, "R@10": {"low": 1.0, "high": 1.0, "mean": 1.0, "values": {"1": 1.0}}, "R@100": {"low": 1.0, "high": 1.0, "mean": 1.0, "values": {"1": 1.0}}, "nDCG@10": {"low": 1.0, "high": 1.0, "mean": 1.0, "values": {"1": 1.0}}, "Success@5": {"low": 1.0, "high": 1.0, "mean": 1.0, "values": {"1": 1.0}}}, "reranked": 0, "questions": 1}', '2026-11-28 01:54:51.08792');
INSERT INTO public.external_identity VALUES ('https://login.example.com', 'bob', 3, '2026-11-28 01:54:51.194823');
INSERT INTO public.feedback VALUES (2, 1, 'Good', '2026-11-28 01:54:49.865103');
INSERT INTO public.feedback VALUES (4, 1, 'Good', '2026-11-28 01:54:49.985469');
INSERT INTO public.file_store VALUES (1, 'store');
INSERT INTO public.ingestion VALUES (1, 1, 1, 'ready', NULL, 1, 2, NULL, 1, NULL, '2026-11-28 01:54:47.550436', '2026-11-28 01:54:48.883186', 0, '2026-11-28 01:54:47.534481');
INSERT INTO public.ingestion VALUES (2, 1, 2, 'ready', NULL, 1, 2, NULL, 1, NULL, '2026-11-28 01:54:47.56652', '2026-11-28 01:54:48.907461', 0, '2026-11-28 01:54:47.534481');
INSERT INTO public.ingestion VALUES (3, 2, 1, 'ready', NULL, 1, 2, NULL, 1, NULL, '2026-11-28 01:54:48.999222', '2026-11-28 01:54:49.154663', 0, '2026-11-28 01:54:48.970123');
INSERT INTO public.ingestion VALUES (4, 3, 1, 'failed', NULL, 0, 0, 'The PDF is damaged and could not be read. If a PDF reader still opens it, print or save it as a new PDF from there and use that.', 1, NULL, '2026-11-28 01:54:49.23471', '2026-11-28 01:54:49.314835', 0, '2026-11-28 01:54:53.444796');
INSERT INTO public.ingestion VALUES (5, 4, 3, 'ready', NULL, 1, 1, NULL, 1, NULL, '2026-11-28 01:54:49.427249', '2026-11-28 01:54:49.588242', 0, '2026-11-28 01:54:49.401118');
INSERT INTO public.ingestion VALUES (6, 5, 1, 'queued', NULL, 0, 0, NULL, 0, NULL, '2026-11-28 01:54:51.139594', '2026-11-28 01:54:51.139594', 0, '2026-11-28 01:54:51.128947');
INSERT INTO public.lexical_chunk VALUES (1, '{49547634,56237448,90929543,144758111,258796591,483342035,537277488,554528378,636075567,721778084,747895003,830409109,906822779,936753292}', '{1,1,1,1,3,1,1,1,1,1,1,1,2,1}', 17);
INSERT INTO public.lexical_chunk VALUES (2, '{60820772,73156586,90929543,119901860,258796591,403776140,452054657,537277488,561072973,906822779}', '{1,1,1,1,3,1,1,1,1,1}', 12);
INSERT INTO public.lexical_chunk VALUES (3, '{90705810,258796591,310804915,372166897,483342035,649393655,672611867,811229894,835383344,860670124}', '{3,1,1,1,1,1,1,1,1,1}', 12);
INSERT INTO public.lexical_chunk VALUES (4, '{35122835,86668688,144758111,258796591,371522298,372166897,413402100,851118062}', '{1,3,1,1,1,1,1,1}', 10);
INSERT INTO public.lexical_chunk VALUES (5, '{11741651,60820772,258796591,290878972,352507232,380076559,704513365,745463671,755000531,995943139}', '{1,1,2,2,1,1,1,1,1,1}', 12);
INSERT INTO public.lexical_document VALUES (1, 'en');
INSERT INTO public.lexical_document VALUES (2, 'en');
INSERT INTO public.lexical_document VALUES (4, 'en');
INSERT INTO public.lexical_member VALUES (1, 2, 2, '{3,4}', '{483342035,452054657,906822779,144758111,119901860,403776140,258796591,73156586,90929543,721778084,554528378,60820772,561072973,830409109,936753292,747895003,56237448,636075567,49547634,537277488}', 29);
INSERT INTO public.lexical_member VALUES (2, 1, 3, '{5,6}', '{413402100,811229894,483342035,672611867,372166897,144758111,258796591,649393655,35122835,86668688,835383344,90705810,860670124,371522298,851118062,310804915}', 22);
INSERT INTO public.lexical_member VALUES (1, 1, 4, '{1,2}', '{483342035,452054657,906822779,144758111,119901860,403776140,258796591,73156586,90929543,721778084,554528378,60820772,561072973,830409109,936753292,747895003,56237448,636075567,49547634,537277488}', 29);
INSERT INTO public.lexical_member VALUES (4, 3, 5, '{7}', '{380076559,755000531,704513365,60820772,995943139,290878972,11741651,745463671,352507232,258796591}', 12);
INSERT INTO public.lexical_posting VALUES (2, 747895003, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 561072973, 2, 1, '{4}', '{0.4890388}');
INSERT INTO public.lexical_posting VALUES (2, 56237448, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 144758111, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 403776140, 2, 1, '{4}', '{0.4890388}');
INSERT INTO public.lexical_posting VALUES (2, 258796591, 2, 2, '{3,4}', '{0.6888361,0.74168795}');
INSERT INTO public.lexical_posting VALUES (2, 906822779, 2, 2, '{4,3}', '{0.4890388,0.59609455}');
INSERT INTO public.lexical_posting VALUES (2, 830409109, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 73156586, 2, 1, '{4}', '{0.4890388}');
INSERT INTO public.lexical_posting VALUES (2, 119901860, 2, 1, '{4}', '{0.4890388}');
INSERT INTO public.lexical_posting VALUES (2, 936753292, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 554528378, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 537277488, 2, 2, '{3,4}', '{0.42459735,0.4890388}');
INSERT INTO public.lexical_posting VALUES (2, 49547634, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 60820772, 2, 1, '{4}', '{0.4890388}');
INSERT INTO public.lexical_posting VALUES (2, 483342035, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 90929543, 2, 2, '{3,4}', '{0.42459735,0.4890388}');
INSERT INTO public.lexical_posting VALUES (2, 721778084, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 636075567, 2, 1, '{3}', '{0.42459735}');
INSERT INTO public.lexical_posting VALUES (2, 452054657, 2, 1, '{4}', '{0.4890388}');
INSERT INTO public.lexical_posting VALUES (1, 835383344, 3, 1, '{5}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 90705810, 3, 1, '{5}', '{0.7234042}');
INSERT INTO public.lexical_posting VALUES (1, 649393655, 3, 1, '{5}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 35122835, 3, 1, '{6}', '{0.49853373}');
INSERT INTO public.lexical_posting VALUES (1, 372166897, 3, 2, '{5,6}', '{0.46575344,0.49853373}');
INSERT INTO public.lexical_posting VALUES (1, 371522298, 3, 1, '{6}', '{0.49853373}');
INSERT INTO public.lexical_posting VALUES (1, 258796591, 3, 2, '{5,6}', '{0.46575344,0.49853373}');
INSERT INTO public.lexical_posting VALUES (1, 483342035, 3, 1, '{5}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 310804915, 3, 1, '{5}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 144758111, 3, 1, '{6}', '{0.49853373}');
INSERT INTO public.lexical_posting VALUES (1, 851118062, 3, 1, '{6}', '{0.49853373}');
INSERT INTO public.lexical_posting VALUES (1, 413402100, 3, 1, '{6}', '{0.49853373}');
INSERT INTO public.lexical_posting VALUES (1, 86668688, 3, 1, '{6}', '{0.7488987}');
INSERT INTO public.lexical_posting VALUES (1, 860670124, 3, 1, '{5}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 672611867, 3, 1, '{5}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 811229894, 3, 1, '{5}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 906822779, 4, 2, '{2,1}', '{0.46575344,0.5714286}');
INSERT INTO public.lexical_posting VALUES (1, 936753292, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 483342035, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 403776140, 4, 1, '{2}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 721778084, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 258796591, 4, 2, '{1,2}', '{0.6666667,0.7234042}');
INSERT INTO public.lexical_posting VALUES (1, 747895003, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 144758111, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 90929543, 4, 2, '{1,2}', '{0.4,0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 537277488, 4, 2, '{1,2}', '{0.4,0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 73156586, 4, 1, '{2}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 119901860, 4, 1, '{2}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 49547634, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 636075567, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 452054657, 4, 1, '{2}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 56237448, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 830409109, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 561072973, 4, 1, '{2}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (1, 554528378, 4, 1, '{1}', '{0.4}');
INSERT INTO public.lexical_posting VALUES (1, 60820772, 4, 1, '{2}', '{0.46575344}');
INSERT INTO public.lexical_posting VALUES (3, 60820772, 5, 1, '{7}', '{0.45454547}');
INSERT INTO public.lexical_posting VALUES (3, 745463671, 5, 1, '{7}', '{0.45454547}');
INSERT INTO public.lexical_posting VALUES (3, 995943139, 5, 1, '{7}', '{0.45454547}');
INSERT INTO public.lexical_posting VALUES (3, 380076559, 5, 1, '{7}', '{0.45454547}');
INSERT INTO public.lexical_posting VALUES (3, 258796591, 5, 1, '{7}', '{0.625}');
INSERT INTO public.lexical_posting VALUES (3, 704513365, 5, 1, '{7}', '{0.45454547}');
INSERT INTO public.lexical_posting VALUES (3, 755000531, 5, 1, '{7}', '{0.45454547}');
INSERT INTO public.lexical_posting VALUES (3, 290878972, 5, 1, '{7}', '{0.625}');
INSERT INTO public.lexical_posting VALUES (3, 352507232, 5, 1, '{7}', '{0.45454547}');
INSERT INTO public.lexical_posting VALUES (3, 11741651, 5, 1, '{7}', '{0.45454547}');
INSERT INTO public.lexical_segment OVERRIDING SYSTEM VALUE VALUES (2, 2, 2, 29, 14.5, '{en}');
INSERT INTO public.lexical_segment OVERRIDING SYSTEM VALUE VALUES (3, 1, 2, 22, 12.75, '{en}');
INSERT INTO public.lexical_segment OVERRIDING SYSTEM VALUE VALUES (4, 1, 2, 29, 12.75, '{en}');
INSERT INTO public.lexical_segment OVERRIDING SYSTEM VALUE VALUES (5, 3, 1, 12, 12, '{en}');
INSERT INTO public.lexical_vector VALUES (3, '{49547634:0.42459735,56237448:0.42459735,90929543:0.42459735,144758111:0.42459735,258796591:0.6888361,483342035:0.42459735,537277488:0.42459735,554528378:0.42459735,636075567:0.42459735,721778084:0.42459735,747895003:0.42459735,830409109:0.42459735,906822779:0.59609455,936753292:0.42459735}/1000000000');
INSERT INTO public.lexical_vector VALUES (4, '{60820772:0.4890388,73156586:0.4890388,90929543:0.4890388,119901860:0.4890388,258796591:0.74168795,403776140:0.4890388,452054657:0.4890388,537277488:0.4890388,561072973:0.4890388,906822779:0.4890388}/1000000000');
INSERT INTO public.lexical_vector VALUES (5, '{90705810:0.7234042,258796591:0.46575344,310804915:0.46575344,372166897:0.46575344,483342035:0.46575344,649393655:0.46575344,672611867:0.46575344,811229894:0.46575344,835383344:0.46575344,860670124:0.46575344}/1000000000');
INSERT INTO public.lexical_vector VALUES (6, '{35122835:0.49853373,86668688:0.7488987,144758111:0.49853373,258796591:0.49853373,371522298:0.49853373,372166897:0.49853373,413402100:0.49853373,851118062:0.49853373}/1000000000');
INSERT INTO public.lexical_vector VALUES (1, '{49547634:0.4,56237448:0.4,90929543:0.4,144758111:0.4,258796591:0.6666667,483342035:0.4,537277488:0.4,554528378:0.4,636075567:0.4,721778084:0.4,747895003:0.4,830409109:0.4,906822779:0.5714286,936753292:0.4}/1000000000');
INSERT INTO public.lexical_vector VALUES (2, '{60820772:0.46575344,73156586:0.46575344,90929543:0.46575344,119901860:0.46575344,258796591:0.7234042,403776140:0.46575344,452054657:0.46575344,537277488:0.46575344,561072973:0.46575344,906822779:0.46575344}/1000000000');
INSERT INTO public.lexical_vector VALUES (7, '{11741651:0.45454547,60820772:0.45454547,258796591:0.625,290878972:0.625,352507232:0.45454547,380076559:0.45454547,704513365:0.45454547,745463671:0.45454547,755000531:0.45454547,995943139:0.45454547}/1000000000');
INSERT INTO public.login_session VALUES (1, 1, '\xa4983da022a6831147366e1cb6db060a1ca3e186b476d1dd478cc1b9d2032a68', '2026-11-28 01:54:47.264121', '2026-12-28 01:54:47.264121', '2026-11-28 01:54:47.264121', '127.0.0.1', 'python-httpx/0.28.1', 'password', '2026-11-28 01:54:47.264121');
INSERT INTO public.login_session VALUES (2, 2, '\x7834f635bdd9a0ffb42cf2e84bb11a0848023073b7db6bd62650eaea63e9186a', '2026-11-28 01:54:47.317333', '2026-12-28 01:54:47.317333', '2026-11-28 01:54:47.317333', '127.0.0.1', 'python-httpx/0.28.1', 'password', '2026-11-28 01:54:47.317333');
INSERT INTO public.login_session VALUES (3, 3, '\x0f6a4a0a45e05c52a55a84d8babe2af3462332873409bc06817bba3792b12759', '2026-11-28 01:54:47.381561', '2026-12-28 01:54:47.381561', '2026-11-28 01:54:47.381561', '127.0.0.1', 'python-httpx/0.28.1', 'password', '2026-11-28 01:54:47.381561');
INSERT INTO public.message VALUES (1, 1, 'user', 'When are the roses pruned?', '2026-11-28 01:54:49.724516');
INSERT INTO public.message VALUES (2, 1, 'LLM', 'The roses are pruned in March, before the first leaves. [1]', '2026-11-28 01:54:49.837056');
INSERT INTO public.message VALUES (3, 2, 'user', 'When are the roses pruned?', '2026-11-28 01:54:49.924681');
INSERT INTO public.message VALUES (4, 2, 'LLM', 'The roses are pruned in March, before the first leaves. [1]', '2026-11-28 01:54:49.974151');
INSERT INTO public.namespace VALUES (1, 2, 'papers', 'About the garden', false, '2026-11-28 01:54:47.443116');
INSERT INTO public.namespace VALUES (2, 2, 'public', NULL, true, '2026-11-28 01:54:47.466096');
INSERT INTO public.namespace VALUES (3, 3, 'own', NULL, false, '2026-11-28 01:54:47.47841');
INSERT INTO public.namespace_auth VALUES (1, 3, 1, 1);
INSERT INTO public.namespace_doc VALUES (1, 1, 1, '{1,2}');
INSERT INTO public.namespace_doc VALUES (2, 2, 1, '{3,4}');
INSERT INTO public.namespace_doc VALUES (3, 1, 2, '{5,6}');
INSERT INTO public.namespace_doc VALUES (4, 3, 4, '{7}');
INSERT INTO public.passage VALUES (1, 0, 1, NULL, 'The roses are pruned in March, before the first leaves.
The hedge is cut in autumn.');
INSERT INTO public.passage VALUES (1, 1, 2, NULL, 'Water the tomatoes in the evening, and never on the leaves.');
INSERT INTO public.passage VALUES (2, 0, NULL, 'Spades', 'Spades
The spade is sharpened with a file every winter.');
INSERT INTO public.passage VALUES (2, 1, NULL, 'Shears', 'Shears
The shears are oiled after each use.');
INSERT INTO public.passage VALUES (4, 0, 1, NULL, 'Bees like clover and thyme.
The hive faces the morning sun.');
INSERT INTO public.pinned_chat VALUES (1);
INSERT INTO public.pinned_chat VALUES (2);
INSERT INTO public.placement VALUES (1, 1, 2, '2026-11-28 01:54:47.558942');
INSERT INTO public.placement VALUES (1, 2, 2, '2026-11-28 01:54:47.570302');
INSERT INTO public.placement VALUES (2, 1, 2, '2026-11-28 01:54:49.014348');
INSERT INTO public.placement VALUES (3, 1, 2, '2026-11-28 01:54:49.243272');
INSERT INTO public.placement VALUES (4, 3, 3, '2026-11-28 01:54:49.43729');
INSERT INTO public.placement VALUES (5, 1, 2, '2026-11-28 01:54:51.144952');
INSERT INTO public.rate_limit VALUES ('token 2', '2026-11-28 01:55:27.170093');
INSERT INTO public.rate_limit VALUES ('login bob', '2026-11-28 01:54:51.194823');
INSERT INTO public.recovery_code VALUES (3, '\x68617368');
INSERT INTO public.reread VALUES (1, '2026-11-28 01:54:51.194823', false);
INSERT INTO public.second_factor VALUES (3, '\x6b6579', '2026-11-28 01:54:51.194823', NULL, 0);
INSERT INTO public.temporary_password VALUES (4, '2026-11-28 01:54:51.194823');
INSERT INTO public.turn VALUES (1, 1, NULL, 1, 2, NULL, 'complete', NULL, NULL, false);
INSERT INTO public.turn VALUES (2, 2, NULL, 3, 4, NULL, 'complete', NULL, NULL, false);
INSERT INTO public.users VALUES (1, 'root', 'root@example.com', '$argon2id$v=19$m=8,t=1,p=1$Nu6oyASetW83JE2uvhHXDQ$rLIxbAK53uR+zo2cYG6b7FbEn5r4TiVrfbjeITMcH7k', 'admin', '2026-11-28 01:54:47.094395', '2026-11-28 01:54:47.094395');
INSERT INTO public.users VALUES (2, 'alice', 'alice@example.com', '$argon2id$v=19$m=8,t=1,p=1$FyPQajz1ADlWSWlSuuNcFw$OHWnj7koXTN/c4cGtT5tRTNav3JttFeDdZpVfkWayLc', 'user', '2026-11-28 01:54:47.284744', '2026-11-28 01:54:47.284744');
INSERT INTO public.users VALUES (3, 'bob', 'bob@example.com', '$argon2id$v=19$m=8,t=1,p=1$qp8S7Rvvj2gFa8wLbdAvGg$cBIzDBNIQPUJXd/C/sTCoDjlHm1DhCdChG3PYe9h9W4', 'user', '2026-11-28 01:54:47.356473', '2026-11-28 01:54:47.356473');
INSERT INTO public.users VALUES (4, 'carol', 'carol@example.com', '$argon2id$v=19$m=8,t=1,p=1$QtjzlI+0oqduW1nGYw7/lA$kck+2kUhQPsa2TB2DpMfwiHkGnn48YHSzORnwELbyhY', 'user', '2026-11-28 01:54:47.389916', '2026-11-28 01:54:47.389916');
INSERT INTO public.work_done VALUES ('failed', 1, 0.03409614399788552);
INSERT INTO public.work_done VALUES ('ready', 3, 1.4788884580011654);
INSERT INTO public.worker VALUES (1, '2026-11-28 01:54:51.194823');
SELECT pg_catalog.setval('public.api_token_id_seq', 1, true);
SELECT pg_catalog.setval('public.audit_event_id_seq', 26, true);
SELECT pg_catalog.setval('public.chats_id_seq', 2, true);
SELECT pg_catalog.setval('public.chunk_id_seq', 5, true);
SELECT pg_catalog.setval('public.chunk_vector_id_seq', 7, true);
SELECT pg_catalog.setval('public.doc_user_id_seq', 1, true);
SELECT pg_catalog.setval('public.document_id_seq', 5, true);
SELECT pg_catalog.setval('public.evaluation_place_id_seq', 1, true);
SELECT pg_catalog.setval('public.evaluation_question_id_seq', 1, true);
SELECT pg_catalog.setval('public.evaluation_run_id_seq', 1, true);
SELECT pg_catalog.setval('public.ingestion_id_seq', 6, true);
SELECT pg_catalog.setval('public.lexical_segment_id_seq', 5, true);
SELECT pg_catalog.setval('public.login_session_id_seq', 4, true);
SELECT pg_catalog.setval('public.message_id_seq', 4, true);
SELECT pg_catalog.setval('public.namespace_auth_id_seq', 1, true);
SELECT pg_catalog.setval('public.namespace_doc_id_seq', 4, true);
SELECT pg_catalog.setval('public.namespace_id_seq', 3, true);
SELECT pg_catalog.setval('public.turn_id_seq', 2, true);
SELECT pg_catalog.setval('public.users_id_seq', 4, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT pk_api_token PRIMARY KEY (id);
ALTER TABLE ONLY public.audit_event
    ADD CONSTRAINT pk_audit_event PRIMARY KEY (id);
ALTER TABLE ONLY public.backfill
    ADD CONSTRAINT pk_backfill PRIMARY KEY (name);
ALTER TABLE ONLY public.chat_title
    ADD CONSTRAINT pk_chat_title PRIMARY KEY (chat_id);
ALTER TABLE ONLY public.chats
    ADD CONSTRAINT pk_chats PRIMARY KEY (id);
ALTER TABLE ONLY public.chunk
    ADD CONSTRAINT pk_chunk PRIMARY KEY (id);
ALTER TABLE ONLY public.chunk_vector
    ADD CONSTRAINT pk_chunk_vector PRIMARY KEY (id);
ALTER TABLE ONLY public.citation
    ADD CONSTRAINT pk_citation PRIMARY KEY (message_id, n);
ALTER TABLE ONLY public.disabled_account
    ADD CONSTRAINT pk_disabled_account PRIMARY KEY (user_id);
ALTER TABLE ONLY public.doc_user
    ADD CONSTRAINT pk_doc_user PRIMARY KEY (id);
ALTER TABLE ONLY public.document
    ADD CONSTRAINT pk_document PRIMARY KEY (id);
ALTER TABLE ONLY public.embedding_model
    ADD CONSTRAINT pk_embedding_model PRIMARY KEY (id);
ALTER TABLE ONLY public.evaluation_place
    ADD CONSTRAINT pk_evaluation_place PRIMARY KEY (id);
ALTER TABLE ONLY public.evaluation_question
    ADD CONSTRAINT pk_evaluation_question PRIMARY KEY (id);
ALTER TABLE ONLY public.evaluation_run
    ADD CONSTRAINT pk_evaluation_run PRIMARY KEY (id);
ALTER TABLE ONLY public.external_identity
    ADD CONSTRAINT pk_external_identity PRIMARY KEY (issuer, subject);
ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT pk_feedback PRIMARY KEY (message_id);
ALTER TABLE ONLY public.file_store
    ADD CONSTRAINT pk_file_store PRIMARY KEY (id);
ALTER TABLE ONLY public.ingestion
    ADD CONSTRAINT pk_ingestion PRIMARY KEY (id);
ALTER TABLE ONLY public.lexical_chunk
    ADD CONSTRAINT pk_lexical_chunk PRIMARY KEY (chunk_id);
ALTER TABLE ONLY public.lexical_document
    ADD CONSTRAINT pk_lexical_document PRIMARY KEY (doc_id);
ALTER TABLE ONLY public.lexical_member
    ADD CONSTRAINT pk_lexical_member PRIMARY KEY (doc_id, namespace_id);
ALTER TABLE ONLY public.lexical_posting
    ADD CONSTRAINT pk_lexical_posting PRIMARY KEY (namespace_id, term, segment_id) INCLUDE (chunks);
ALTER TABLE ONLY public.lexical_segment
    ADD CONSTRAINT pk_lexical_segment PRIMARY KEY (id);
ALTER TABLE ONLY public.lexical_vector
    ADD CONSTRAINT pk_lexical_vector PRIMARY KEY (id);
ALTER TABLE ONLY public.login_session
    ADD CONSTRAINT pk_login_session PRIMARY KEY (id);
ALTER TABLE ONLY public.message
    ADD CONSTRAINT pk_message PRIMARY KEY (id);
ALTER TABLE ONLY public.namespace
    ADD CONSTRAINT pk_namespace PRIMARY KEY (id);
ALTER TABLE ONLY public.namespace_auth
    ADD CONSTRAINT pk_namespace_auth PRIMARY KEY (id);
ALTER TABLE ONLY public.namespace_doc
    ADD CONSTRAINT pk_namespace_doc PRIMARY KEY (id);
ALTER TABLE ONLY public.passage
    ADD CONSTRAINT pk_passage PRIMARY KEY (doc_id, ordinal);
ALTER TABLE ONLY public.pinned_chat
    ADD CONSTRAINT pk_pinned_chat PRIMARY KEY (chat_id);
ALTER TABLE ONLY public.placement
    ADD CONSTRAINT pk_placement PRIMARY KEY (doc_id, namespace_id);
ALTER TABLE ONLY public.rate_limit
    ADD CONSTRAINT pk_rate_limit PRIMARY KEY (key);
ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT pk_recovery_code PRIMARY KEY (user_id, code_hash);
ALTER TABLE ONLY public.reread
    ADD CONSTRAINT pk_reread PRIMARY KEY (doc_id);
ALTER TABLE ONLY public.second_factor
    ADD CONSTRAINT pk_second_factor PRIMARY KEY (user_id);
ALTER TABLE ONLY public.temporary_password
    ADD CONSTRAINT pk_temporary_password PRIMARY KEY (user_id);
ALTER TABLE ONLY public.turn
    ADD CONSTRAINT pk_turn PRIMARY KEY (id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);
ALTER TABLE ONLY public.work_done
    ADD CONSTRAINT pk_work_done PRIMARY KEY (outcome);
ALTER TABLE ONLY public.worker
    ADD CONSTRAINT pk_worker PRIMARY KEY (id);
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT uq_api_token_token_hash UNIQUE (token_hash);
ALTER TABLE ONLY public.chunk
    ADD CONSTRAINT uq_chunk_doc_id_ordinal UNIQUE (doc_id, ordinal);
ALTER TABLE ONLY public.chunk_vector
    ADD CONSTRAINT uq_chunk_vector_chunk_id_namespace_id UNIQUE (chunk_id, namespace_id);
ALTER TABLE ONLY public.doc_user
    ADD CONSTRAINT uq_doc_user_doc_id_user_id UNIQUE (doc_id, user_id);
ALTER TABLE ONLY public.login_session
    ADD CONSTRAINT uq_login_session_token_hash UNIQUE (token_hash);
ALTER TABLE ONLY public.namespace_auth
    ADD CONSTRAINT uq_namespace_auth_user_id_namespace_id UNIQUE (user_id, namespace_id);
ALTER TABLE ONLY public.namespace_doc
    ADD CONSTRAINT uq_namespace_doc_namespace_id_doc_id UNIQUE (namespace_id, doc_id);
ALTER TABLE ONLY public.turn
    ADD CONSTRAINT uq_turn_answer_id UNIQUE (answer_id);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_email UNIQUE (email);
ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_username UNIQUE (username);
CREATE INDEX ix_api_token_user_id ON public.api_token USING btree (user_id);
CREATE INDEX ix_audit_event_actor_id ON public.audit_event USING btree (actor_id);
CREATE INDEX ix_audit_event_at ON public.audit_event USING btree (at);
CREATE INDEX ix_chats_namespace_id ON public.chats USING btree (namespace_id);
CREATE INDEX ix_chats_user_id ON public.chats USING btree (user_id);
CREATE INDEX ix_chunk_vector_doc_id ON public.chunk_vector USING btree (doc_id);
CREATE INDEX ix_chunk_vector_search ON public.chunk_vector USING btree (namespace_id, id) INCLUDE (doc_id, embedding);
CREATE INDEX ix_citation_doc_id ON public.citation USING btree (doc_id);
CREATE INDEX ix_doc_user_user_id ON public.doc_user USING btree (user_id);
CREATE INDEX ix_document_user_id ON public.document USING btree (user_id);
CREATE INDEX ix_evaluation_place_doc_id ON public.evaluation_place USING btree (doc_id);
CREATE INDEX ix_evaluation_place_question_id ON public.evaluation_place USING btree (question_id);
CREATE INDEX ix_evaluation_question_namespace_id ON public.evaluation_question USING btree (namespace_id);
CREATE INDEX ix_evaluation_run_namespace_id ON public.evaluation_run USING btree (namespace_id);
CREATE INDEX ix_evaluation_run_user_id ON public.evaluation_run USING btree (user_id);
CREATE INDEX ix_external_identity_user_id ON public.external_identity USING btree (user_id);
CREATE INDEX ix_ingestion_doc_id_namespace_id ON public.ingestion USING btree (doc_id, namespace_id, id);
CREATE INDEX ix_ingestion_namespace_id ON public.ingestion USING btree (namespace_id);
CREATE INDEX ix_ingestion_queue ON public.ingestion USING btree (next_attempt_at, id) WHERE (state = 'queued'::text);
CREATE INDEX ix_ingestion_running ON public.ingestion USING btree (doc_id) WHERE (state = 'running'::text);
CREATE INDEX ix_lexical_member_namespace_id ON public.lexical_member USING btree (namespace_id);
CREATE INDEX ix_lexical_member_segment_id ON public.lexical_member USING btree (segment_id);
CREATE INDEX ix_lexical_posting_segment_id ON public.lexical_posting USING btree (segment_id);
CREATE INDEX ix_lexical_segment_namespace_id ON public.lexical_segment USING btree (namespace_id);
CREATE INDEX ix_login_session_user_id ON public.login_session USING btree (user_id);
CREATE INDEX ix_message_chat_id ON public.message USING btree (chat_id, id);
CREATE INDEX ix_namespace_auth_namespace_id ON public.namespace_auth USING btree (namespace_id);
CREATE INDEX ix_namespace_doc_doc_id ON public.namespace_doc USING btree (doc_id);
CREATE INDEX ix_namespace_user_id ON public.namespace USING btree (user_id);
CREATE INDEX ix_placement_namespace_id ON public.placement USING btree (namespace_id);
CREATE INDEX ix_placement_user_id ON public.placement USING btree (user_id);
CREATE INDEX ix_rate_limit_free_at ON public.rate_limit USING btree (free_at);
CREATE INDEX ix_turn_chat_id ON public.turn USING btree (chat_id);
CREATE INDEX ix_turn_follows_id ON public.turn USING btree (follows_id);
CREATE INDEX ix_turn_question_id ON public.turn USING btree (question_id);
CREATE UNIQUE INDEX uq_namespace_user_id_name ON public.namespace USING btree (user_id, name);
CREATE UNIQUE INDEX uq_turn_running ON public.turn USING btree (chat_id) WHERE (state = 'running'::text);
CREATE UNIQUE INDEX ux_document_user_id_sha256 ON public.document USING btree (user_id, ((file_metadata ->> 'sha256'::text)));
CREATE UNIQUE INDEX ux_ingestion_active ON public.ingestion USING btree (doc_id, namespace_id) WHERE (state = ANY (ARRAY['queued'::text, 'running'::text]));
CREATE UNIQUE INDEX ux_users_email_lower ON public.users USING btree (lower((email)::text));
CREATE UNIQUE INDEX ux_users_username_lower ON public.users USING btree (lower((username)::text));
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_event FOR EACH STATEMENT EXECUTE FUNCTION public.audit_event_is_append_only();
CREATE TRIGGER end_all_placements BEFORE DELETE ON public.users FOR EACH ROW EXECUTE FUNCTION public.end_placements();
CREATE TRIGGER end_placements AFTER DELETE OR UPDATE ON public.doc_user FOR EACH ROW WHEN (((old.permission)::text = 'write'::text)) EXECUTE FUNCTION public.end_placements();
CREATE TRIGGER end_placements AFTER UPDATE OF is_public, user_id ON public.document FOR EACH ROW WHEN (((old.is_public AND (NOT new.is_public)) OR (old.user_id <> new.user_id))) EXECUTE FUNCTION public.end_placements();
CREATE TRIGGER end_placements AFTER UPDATE OF role ON public.users FOR EACH ROW WHEN ((((old.role)::text = 'admin'::text) AND ((new.role)::text <> 'admin'::text))) EXECUTE FUNCTION public.end_placements();
CREATE TRIGGER is_gone AFTER DELETE ON public.evaluation_place REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.evaluation_places_are_gone();
CREATE TRIGGER is_gone AFTER DELETE ON public.lexical_member FOR EACH ROW EXECUTE FUNCTION public.lexical_member_is_gone();
CREATE TRIGGER is_gone AFTER DELETE ON public.placement REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION public.placement_is_gone();
CREATE TRIGGER lock_questions BEFORE DELETE ON public.document FOR EACH ROW EXECUTE FUNCTION public.lock_questions_of_document();
CREATE TRIGGER tell_change AFTER DELETE OR UPDATE OF expires_at, namespace_ids, max_level ON public.api_token FOR EACH ROW EXECUTE FUNCTION public.tell_change('user', 'user_id');
CREATE TRIGGER tell_change AFTER INSERT ON public.disabled_account FOR EACH ROW EXECUTE FUNCTION public.tell_change('user', 'user_id');
CREATE TRIGGER tell_change AFTER INSERT OR DELETE OR UPDATE ON public.ingestion FOR EACH ROW EXECUTE FUNCTION public.tell_change('ingestion', 'namespace_id', 'id', 'doc_id');
CREATE TRIGGER tell_change AFTER DELETE OR UPDATE OF expires_at ON public.login_session FOR EACH ROW EXECUTE FUNCTION public.tell_change('user', 'user_id');
CREATE TRIGGER tell_change AFTER DELETE OR UPDATE OF is_public, user_id ON public.namespace FOR EACH ROW EXECUTE FUNCTION public.tell_change('namespace', 'id');
CREATE TRIGGER tell_change AFTER DELETE OR UPDATE ON public.namespace_auth FOR EACH ROW EXECUTE FUNCTION public.tell_change('user', 'user_id');
CREATE TRIGGER tell_change AFTER DELETE OR UPDATE OF state, is_stopping ON public.turn FOR EACH ROW EXECUTE FUNCTION public.tell_change('turn', 'id');
CREATE TRIGGER tell_change AFTER UPDATE OF role ON public.users FOR EACH ROW EXECUTE FUNCTION public.tell_change('user', 'id');
CREATE TRIGGER tell_chat AFTER INSERT OR UPDATE ON public.chat_title FOR EACH ROW EXECUTE FUNCTION public.tell_chat();
CREATE TRIGGER tell_chat AFTER INSERT OR DELETE ON public.chats FOR EACH ROW EXECUTE FUNCTION public.tell_change('chat', 'id', 'user_id');
CREATE TRIGGER tell_chat AFTER INSERT OR DELETE ON public.pinned_chat FOR EACH ROW EXECUTE FUNCTION public.tell_chat();
CREATE TRIGGER tell_chat AFTER INSERT OR UPDATE OF state ON public.turn FOR EACH ROW EXECUTE FUNCTION public.tell_chat();
CREATE TRIGGER tell_document AFTER INSERT OR UPDATE OF title, is_public, user_id ON public.document FOR EACH ROW EXECUTE FUNCTION public.tell_change('document', 'id');
CREATE TRIGGER tell_document AFTER INSERT OR DELETE OR UPDATE OF state ON public.ingestion FOR EACH ROW EXECUTE FUNCTION public.tell_change('document', 'doc_id');
CREATE TRIGGER tell_everyone AFTER UPDATE OF is_public ON public.document FOR EACH ROW WHEN ((old.is_public AND (NOT new.is_public))) EXECUTE FUNCTION public.tell_change('documents');
CREATE TRIGGER tell_everyone_gone AFTER DELETE ON public.document FOR EACH ROW WHEN (old.is_public) EXECUTE FUNCTION public.tell_change('documents');
CREATE TRIGGER tell_list AFTER INSERT OR UPDATE OF name, description ON public.namespace FOR EACH ROW EXECUTE FUNCTION public.tell_change('namespaces', 'id');
CREATE TRIGGER tell_members AFTER INSERT OR DELETE OR UPDATE ON public.namespace_auth FOR EACH ROW EXECUTE FUNCTION public.tell_change('member', 'namespace_id', 'user_id');
CREATE TRIGGER tell_owner AFTER DELETE ON public.document FOR EACH ROW EXECUTE FUNCTION public.tell_change('documents', 'user_id');
CREATE TRIGGER tell_user AFTER INSERT OR DELETE OR UPDATE ON public.doc_user FOR EACH ROW EXECUTE FUNCTION public.tell_change('documents', 'user_id');
ALTER TABLE ONLY public.api_token
    ADD CONSTRAINT fk_api_token_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.chat_title
    ADD CONSTRAINT fk_chat_title_chat_id_chats FOREIGN KEY (chat_id) REFERENCES public.chats(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.chats
    ADD CONSTRAINT fk_chats_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.chats
    ADD CONSTRAINT fk_chats_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.chunk
    ADD CONSTRAINT fk_chunk_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.chunk_vector
    ADD CONSTRAINT fk_chunk_vector_chunk_id_chunk FOREIGN KEY (chunk_id) REFERENCES public.chunk(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.chunk_vector
    ADD CONSTRAINT fk_chunk_vector_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.chunk_vector
    ADD CONSTRAINT fk_chunk_vector_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.citation
    ADD CONSTRAINT fk_citation_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.citation
    ADD CONSTRAINT fk_citation_message_id_message FOREIGN KEY (message_id) REFERENCES public.message(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.disabled_account
    ADD CONSTRAINT fk_disabled_account_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.doc_user
    ADD CONSTRAINT fk_doc_user_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.doc_user
    ADD CONSTRAINT fk_doc_user_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.document
    ADD CONSTRAINT fk_document_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.evaluation_place
    ADD CONSTRAINT fk_evaluation_place_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.evaluation_place
    ADD CONSTRAINT fk_evaluation_place_question_id_evaluation_question FOREIGN KEY (question_id) REFERENCES public.evaluation_question(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.evaluation_question
    ADD CONSTRAINT fk_evaluation_question_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.evaluation_run
    ADD CONSTRAINT fk_evaluation_run_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.evaluation_run
    ADD CONSTRAINT fk_evaluation_run_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.external_identity
    ADD CONSTRAINT fk_external_identity_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.feedback
    ADD CONSTRAINT fk_feedback_message_id_message FOREIGN KEY (message_id) REFERENCES public.message(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ingestion
    ADD CONSTRAINT fk_ingestion_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.ingestion
    ADD CONSTRAINT fk_ingestion_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_chunk
    ADD CONSTRAINT fk_lexical_chunk_chunk_id_chunk FOREIGN KEY (chunk_id) REFERENCES public.chunk(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_document
    ADD CONSTRAINT fk_lexical_document_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_member
    ADD CONSTRAINT fk_lexical_member_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_member
    ADD CONSTRAINT fk_lexical_member_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_member
    ADD CONSTRAINT fk_lexical_member_segment_id_lexical_segment FOREIGN KEY (segment_id) REFERENCES public.lexical_segment(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_posting
    ADD CONSTRAINT fk_lexical_posting_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_posting
    ADD CONSTRAINT fk_lexical_posting_segment_id_lexical_segment FOREIGN KEY (segment_id) REFERENCES public.lexical_segment(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_segment
    ADD CONSTRAINT fk_lexical_segment_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.lexical_vector
    ADD CONSTRAINT fk_lexical_vector_id_chunk_vector FOREIGN KEY (id) REFERENCES public.chunk_vector(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.login_session
    ADD CONSTRAINT fk_login_session_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.message
    ADD CONSTRAINT fk_message_chat_id_chats FOREIGN KEY (chat_id) REFERENCES public.chats(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.namespace_auth
    ADD CONSTRAINT fk_namespace_auth_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.namespace_auth
    ADD CONSTRAINT fk_namespace_auth_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.namespace_doc
    ADD CONSTRAINT fk_namespace_doc_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.namespace_doc
    ADD CONSTRAINT fk_namespace_doc_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.namespace
    ADD CONSTRAINT fk_namespace_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.passage
    ADD CONSTRAINT fk_passage_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.pinned_chat
    ADD CONSTRAINT fk_pinned_chat_chat_id_chats FOREIGN KEY (chat_id) REFERENCES public.chats(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.placement
    ADD CONSTRAINT fk_placement_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.placement
    ADD CONSTRAINT fk_placement_namespace_id_namespace FOREIGN KEY (namespace_id) REFERENCES public.namespace(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.placement
    ADD CONSTRAINT fk_placement_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE RESTRICT;
ALTER TABLE ONLY public.recovery_code
    ADD CONSTRAINT fk_recovery_code_user_id_second_factor FOREIGN KEY (user_id) REFERENCES public.second_factor(user_id) ON DELETE CASCADE;
ALTER TABLE ONLY public.reread
    ADD CONSTRAINT fk_reread_doc_id_document FOREIGN KEY (doc_id) REFERENCES public.document(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.second_factor
    ADD CONSTRAINT fk_second_factor_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.temporary_password
    ADD CONSTRAINT fk_temporary_password_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.turn
    ADD CONSTRAINT fk_turn_answer_id_message FOREIGN KEY (answer_id) REFERENCES public.message(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.turn
    ADD CONSTRAINT fk_turn_chat_id_chats FOREIGN KEY (chat_id) REFERENCES public.chats(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.turn
    ADD CONSTRAINT fk_turn_follows_id_turn FOREIGN KEY (follows_id) REFERENCES public.turn(id) ON DELETE CASCADE;
ALTER TABLE ONLY public.turn
    ADD CONSTRAINT fk_turn_question_id_message FOREIGN KEY (question_id) REFERENCES public.message(id) ON DELETE CASCADE;

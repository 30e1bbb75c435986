{#-
    What a snapshot writes, as dbt does it, but for the clock: a version begins after every
    earlier one of its row and ends after it began, whatever the API's clock says. A clock
    that steps back, or content that changes while it stands still, would give two versions
    one dbt_scd_id, or a period that ends before it begins.
-#}
{% macro default__snapshot_staging_table(strategy, source_sql, target_relation) -%}
    {%- if strategy.unique_key is not string or strategy.hard_deletes != 'ignore' -%}
        {{ exceptions.raise_compiler_error(
            model.name ~ ": a snapshot here has one key, and ignores rows that vanish."
        ) }}
    {%- endif -%}
    with snapshot_query as (

        {{ source_sql }}

    ),

    versions as (

        select
            *,
            {{ strategy.unique_key }} as dbt_unique_key,
            row_number() over (
                partition by {{ strategy.unique_key }}
                order by case when dbt_valid_to is null then 0 else 1 end, dbt_valid_from desc
            ) as dbt_recency
        from {{ target_relation }}

    ),

    snapshotted_data as (

        select *
        from versions
        where
            dbt_valid_to is null
            and dbt_recency = 1

    ),

    earliest_times as (

        select
            dbt_unique_key,
            max(
                case
                    when dbt_valid_to > {{ just_after('dbt_valid_from') }} then dbt_valid_to
                    else {{ just_after('dbt_valid_from') }}
                end
            ) as dbt_earliest
        from versions
        group by dbt_unique_key

    ),

    timed_data as (

        select
            snapshot_query.*,
            snapshot_query.{{ strategy.unique_key }} as dbt_unique_key,
            {{ later_of('snapshot_query.' ~ strategy.updated_at, 'earliest_times.dbt_earliest') }}
                as dbt_valid_from
        from snapshot_query
        left join earliest_times
            on snapshot_query.{{ strategy.unique_key }} = earliest_times.dbt_unique_key

    ),

    source_data as (

        select
            *,
            dbt_valid_from as dbt_updated_at
        from timed_data

    ),

    insertions as (

        select
            'insert' as dbt_change_type,
            source_data.*,
            cast(null as {{ raw_type('timestamp') }}) as dbt_valid_to,
            {{ snapshot_hash_arguments([
                'source_data.dbt_unique_key', 'source_data.dbt_valid_from'
            ]) }} as dbt_scd_id
        from source_data
        left outer join snapshotted_data
            on source_data.dbt_unique_key = snapshotted_data.dbt_unique_key
        where
            snapshotted_data.dbt_unique_key is null
            or {{ strategy.row_changed }}

    ),

    updates as (

        select
            'update' as dbt_change_type,
            source_data.*,
            source_data.dbt_valid_from as dbt_valid_to,
            snapshotted_data.dbt_scd_id
        from source_data
        inner join snapshotted_data
            on source_data.dbt_unique_key = snapshotted_data.dbt_unique_key
        where {{ strategy.row_changed }}

    )

    select * from insertions
    union all
    select * from updates
{%- endmacro %}

{#- The next timestamp that differs from this one. -#}
{% macro just_after(timestamp) -%}
    cast({{ dbt.dateadd('microsecond', 1, timestamp) }} as {{ raw_type('timestamp') }})
{%- endmacro %}

{#- Not greatest(), which is NULL on some databases when one of them is. -#}
{% macro later_of(timestamp, at_least) -%}
    case
        when {{ timestamp }} is null or {{ at_least }} > {{ timestamp }} then {{ at_least }}
        else {{ timestamp }}
    end
{%- endmacro %}

meta:
  id: packwright_pack
  title: packwright pack, container file
  file-extension:
    - pack
    - part
  license: MIT OR Apache-2.0
  encoding: UTF-8
  endian: le
doc: |
  One container of a packwright pack: a whole pack (single), the list of a split pack's files (root), some of
  its entries (part) or its names (names). A `.blob` file beside them holds stored bytes and nothing else.
  `pack.md` has the rules that a grammar cannot say: digests, orders, and where everything has to lie.
seq:
  - id: header
    type: header
instances:
  entries:
    io: _root._io
    pos: header.sections[0].offset
    type: entry
    repeat: expr
    repeat-expr: header.sections[0].len / 48
  payloads:
    io: _root._io
    pos: header.sections[1].offset
    type: payload
    repeat: expr
    repeat-expr: header.sections[1].len / 96
  names:
    io: _root._io
    pos: header.sections[3].offset
    type: name
    repeat: expr
    repeat-expr: header.sections[3].len / 16
  name_order:
    doc: Indices into `names`, ascending by the names' bytes.
    io: _root._io
    pos: header.sections[4].offset
    type: u4
    repeat: expr
    repeat-expr: header.sections[4].len / 4
  parts:
    io: _root._io
    pos: header.sections[6].offset
    type: part
    repeat: expr
    repeat-expr: header.sections[6].len / 64
enums:
  role:
    1: single
    2: root
    3: part
    4: names
  codec:
    0: none
    1: lz4
    2: zstd
  place:
    0: here
    1: blob
  value_type:
    1: integer
    2: text
    3: flag
types:
  header:
    seq:
      - id: magic
        contents: [0x89, 'PWPACK', 0x0a]
      - id: version
        type: u4
        valid: 1
      - id: role
        type: u4
        enum: role
      - id: content_digest
        size: 32
      - id: file_len
        type: u8
      - id: data_offset
        type: u8
      - id: preload_len
        type: u8
      - id: entry_count
        type: u8
      - id: sections
        doc: entries, payloads, records, names, name order, name text, parts
        type: extent
        repeat: expr
        repeat-expr: 7
  extent:
    seq:
      - id: offset
        type: u8
      - id: len
        type: u8
  entry:
    seq:
      - id: asset_id
        type: u4
      - id: flags
        doc: Bit 0 is preload.
        type: u4
      - id: asset_uuid
        size: 16
      - id: record_offset
        type: u8
      - id: record_len
        type: u4
      - id: first_payload
        type: u4
      - id: payload_count
        type: u4
      - id: reserved
        contents: [0, 0, 0, 0]
    instances:
      is_preload:
        value: (flags & 1) != 0
      record:
        io: _root._io
        pos: _root.header.sections[2].offset + record_offset
        size: record_len
        type: record(payload_count)
  payload:
    seq:
      - id: digest
        size: 32
      - id: stored_digest
        size: 32
      - id: raw_len
        type: u8
      - id: stored_len
        type: u8
      - id: offset
        type: u8
      - id: codec
        type: u1
        enum: codec
      - id: place
        type: u1
        enum: place
      - id: reserved
        contents: [0, 0, 0, 0, 0, 0]
    instances:
      stored:
        io: _root._io
        pos: offset
        size: stored_len
        if: place == place::here
  record:
    params:
      - id: payload_count
        type: u4
    seq:
      - id: kind
        type: counted_text
      - id: roles
        type: counted_text
        repeat: expr
        repeat-expr: payload_count
      - id: tag_count
        type: u4
      - id: tags
        type: counted_text
        repeat: expr
        repeat-expr: tag_count
      - id: metadata_count
        type: u4
      - id: metadata
        type: metadata_value
        repeat: expr
        repeat-expr: metadata_count
      - id: reference_count
        type: u4
      - id: references
        doc: asset_id of other assets.
        type: u4
        repeat: expr
        repeat-expr: reference_count
  metadata_value:
    seq:
      - id: name
        type: counted_text
      - id: value_type
        type: u1
        enum: value_type
      - id: value
        type:
          switch-on: value_type
          cases:
            'value_type::integer': s8
            'value_type::text': counted_text
            'value_type::flag': u1
  name:
    seq:
      - id: asset_id
        type: u4
      - id: text_len
        type: u4
      - id: text_offset
        type: u8
    instances:
      text:
        io: _root._io
        pos: _root.header.sections[5].offset + text_offset
        size: text_len
        type: str
  part:
    seq:
      - id: content_digest
        doc: In hexadecimal, with `.part` appended, the file's name.
        size: 32
      - id: file_len
        type: u8
      - id: first_id
        type: u4
      - id: last_id
        type: u4
      - id: entry_count
        type: u4
      - id: role
        type: u4
        enum: role
      - id: reserved
        contents: [0, 0, 0, 0, 0, 0, 0, 0]
  counted_text:
    seq:
      - id: len
        type: u4
      - id: text
        size: len
        type: str

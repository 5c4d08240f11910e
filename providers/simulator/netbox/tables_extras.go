package netbox

func extrasTables() []*table {
	return []*table{tagTable(), customFieldTable(),
		{path: "extras/custom-field-choice-sets", model: "extras.customfieldchoiceset", noun: "custom field choice set",
			plural: "custom field choice sets", order: "name", key: "name", plain: true, untagged: true,
			brief: "id url display name description choices_count",
			fields: fields(text("name", 100).must().alone(), text("description", 200), constant("base_choices", "null"),
				field{name: "extra_choices", form: formJSON, need: true, quiet: true}, boolean("order_alphabetically", false),
				shown("choices_count", func(e *encoder, r *row) { e.number(int64(len(e.s.customChoices(r)))) }),
				ref("owner", "users/owners").from(v45))},
		journalTable(), webhookTable(), eventRuleTable(), changeTable()}
}

func tagTable() *table {
	return &table{path: "extras/tags", model: "extras.tag", noun: "tag", plural: "tags", order: "weight,name", plain: true,
		untagged: true, brief: "id url display name slug color description",
		fields: fields(text("name", 100).must().alone(), slug().alone(), text("color", 6).or("9e9e9e").like(hex6, wrongColor),
			text("description", 200), number("weight", 0, 32767).or(int64(1000)).from(v43), hiddenWeight(),
			field{name: "object_types", form: formTypes}, shown("tagged_items", showTagged)),
		filters: []filter{special("object_type", forObjectType)}, erased: untag}
}

// hiddenWeight orders tags where the API does not show their weight yet.
func hiddenWeight() field {
	f := number("weight", 0, 32767).or(int64(1000)).before(v43)
	f.hidden, f.readOnly, f.quiet = true, true, true
	return f
}

func customFieldTable() *table {
	return &table{path: "extras/custom-fields", model: "extras.customfield", noun: "custom field", plural: "custom fields",
		order: "group_name,weight,name", key: "name", plain: true, untagged: true, brief: "id url display name description",
		fields: fields(field{name: "object_types", form: formTypes, need: true}, pick("type", customTypes()).must(),
			field{name: "related_object_type", form: formType, null: true}, shown("data_type", showDataType),
			text("name", 50).must().alone().like(`^(?i)[a-z0-9_]+$`, "Only alphanumeric characters and underscores are allowed."),
			text("label", 50), text("group_name", 50), text("description", 200), boolean("required", false),
			boolean("unique", false), number("search_weight", 0, 32767).or(int64(1000)),
			pick("filter_logic", choicesOf("disabled, loose, exact")).or("loose"),
			pick("ui_visible", choicesOf("always, if-set, hidden")).or("always"),
			pick("ui_editable", choicesOf("yes, no, hidden")).or("yes"), boolean("is_cloneable", false),
			field{name: "default", form: formJSON, null: true, quiet: true},
			field{name: "related_object_filter", form: formJSON, null: true, quiet: true},
			number("weight", 0, 32767).or(int64(100)), boolean("nulls_first", true).from(v47), decimal("validation_minimum", 12), decimal("validation_maximum", 12),
			text("validation_regex", 500), field{name: "validation_schema", form: formJSON, null: true, quiet: true, since: v46}, ref("choice_set", "extras/custom-field-choice-sets"),
			ref("owner", "users/owners").from(v45), text("comments", 0).unfiltered()),
		filters: []filter{special("object_type", forObjectType)},
		text:    customName, clean: cleanCustomField, saved: spreadDefault, erased: dropCustom}
}

func journalTable() *table {
	about := object("assigned_object")
	about[0].need, about[0].null, about[0].gone = true, false, cascade
	about[1].need, about[1].null = true, false
	return &table{path: "extras/journal-entries", model: "extras.journalentry", noun: "journal entry", plural: "journal entries",
		order: "-created", brief: "id url display created", journals: true,
		fields: fields(about, field{name: "created_by", form: formRef, to: "users/users", null: true, gone: unset, bare: true},
			pick("kind", choicesOf("info, success, warning, danger")).or("info"), text("comments", 0).must()),
		text: journalName, clean: cleanJournal, save: saveJournal}
}

func webhookTable() *table {
	return &table{path: "extras/webhooks", model: "extras.webhook", noun: "webhook", plural: "webhooks", order: "name", key: "name",
		brief: "id url display name description",
		fields: fields(text("name", 150).must().alone(), text("description", 200), text("payload_url", 500).must(),
			field{name: "http_method", form: formText, standard: "POST", check: checkMethod}, text("http_content_type", 100).or("application/json").filled(),
			text("additional_headers", 0).unfiltered(), text("body_template", 0).unfiltered(), text("secret", 255),
			boolean("ssl_verification", true), number("timeout", 1, 3600).from(v47), text("ca_file_path", 4096).orNull().or(nil), ref("owner", "users/owners").from(v45)),
		clean: cleanWebhook}
}

func eventRuleTable() *table {
	action := object("action_object")
	action[0].need, action[0].null, action[0].gone, action[0].until = true, false, cascade, v47
	since := action[0]
	since.need, since.null, since.since, since.until = false, true, v47, 0
	return &table{path: "extras/event-rules", model: "extras.eventrule", noun: "event rule", plural: "event rules", order: "name", key: "name",
		brief: "id url display name description",
		fields: fields(field{name: "object_types", form: formTypes, need: true}, text("name", 150).must().alone(),
			boolean("enabled", true), field{name: "event_types", form: formTexts, need: true, check: checkEventTypes},
			field{name: "conditions", form: formJSON, null: true, quiet: true},
			pick("action_type", choicesOf("webhook, script, notification")).must(), since, action,
			constant("action_is_available", "true").from(v47),
			field{name: "action_data", form: formJSON, null: true, quiet: true, hidden: true},
			text("description", 200), ref("owner", "users/owners").from(v45)),
		clean: cleanEventRule}
}

// changeTable is NetBox's change log.
func changeTable() *table {
	return &table{path: "core/object-changes", model: "core.objectchange", noun: "object change", plural: "object changes",
		order: "-time", plain: true, untagged: true, readOnly: true, silent: true,
		brief: "id url display_url display time user user_name request_id action changed_object_type changed_object_id " +
			"changed_object object_repr message prechange_data postchange_data",
		fields: fields(field{name: "time", form: formTime}, ref("user", "users/users").on(unset), text("user_name", 150),
			text("request_id", 36), pick("action", choicesOf("create=Created, update=Updated, delete=Deleted")).lastCounts(),
			object("changed_object"), text("object_repr", 200).from(v45), text("message", 200).from(v44),
			field{name: "prechange_data", form: formJSON, null: true, quiet: true},
			field{name: "postchange_data", form: formJSON, null: true, quiet: true}),
		search: []string{"user_name", "object_repr", "message"},
		text:   changeName}
}

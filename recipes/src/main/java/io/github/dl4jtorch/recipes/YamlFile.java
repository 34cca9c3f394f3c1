package io.github.dl4jtorch.recipes;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.Dump;
import org.snakeyaml.engine.v2.api.DumpSettings;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.common.FlowStyle;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.CollectionStartEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.exceptions.Mark;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;
import org.snakeyaml.engine.v2.nodes.Tag;
import org.snakeyaml.engine.v2.resolver.CoreScalarResolver;
import org.snakeyaml.engine.v2.resolver.ScalarResolver;
import org.snakeyaml.engine.v2.schema.CoreSchema;

/**
 * Reads and writes YAML 1.2, in which {@code 1e-3} is a number and {@code no} is text. Tags, which
 * could name classes, are not read, and neither are aliases.
 */
final class YamlFile {

  private static final ScalarResolver RESOLVER = new CoreScalarResolver(false);

  private final Iterator<Event> events;

  private YamlFile(Iterator<Event> events) {
    this.events = events;
  }

  static Tree read(String text) {
    LoadSettings settings = LoadSettings.builder().setSchema(new CoreSchema()).build();
    try {
      return new YamlFile(new Parse(settings).parseString(text).iterator()).document();
    } catch (MarkedYamlEngineException malformed) {
      Optional<Mark> at = malformed.getProblemMark();
      throw Tree.unreadable(
          at.map(mark -> mark.getLine() + 1).orElse(1),
          at.map(mark -> mark.getColumn() + 1).orElse(1),
          "is not YAML: " + malformed.getProblem());
    } catch (YamlEngineException malformed) {
      throw Tree.unreadable(1, 1, "is not YAML: " + malformed.getMessage());
    }
  }

  private Tree document() {
    events.next();
    Event start = events.next();
    if (start.getEventId() == Event.ID.StreamEnd) {
      throw Tree.unreadable(1, 1, "must be a map but is empty");
    }
    Tree tree = value(events.next(), 0);
    events.next();
    Event after = events.next();
    if (after.getEventId() != Event.ID.StreamEnd) {
      throw unreadable(after, "must end after its first document");
    }
    return tree;
  }

  private Tree value(Event event, int level) {
    if (event instanceof AliasEvent) {
      throw unreadable(event, "must not have aliases, but has one");
    }
    if (event instanceof ScalarEvent scalar) {
      refuseTag(event, scalar.getTag());
      return tree(event, scalar(scalar));
    }
    if (level > Tree.MAX_LEVELS) {
      throw Tree.tooDeep(line(event), column(event));
    }
    refuseTag(event, ((CollectionStartEvent) event).getTag());
    return tree(
        event,
        event.getEventId() == Event.ID.MappingStart ? new Tree.Fields(fields(level)) : list(level));
  }

  private Map<String, Tree.Field> fields(int level) {
    Map<String, Tree.Field> fields = new LinkedHashMap<>();
    for (Event at = events.next(); at.getEventId() != Event.ID.MappingEnd; at = events.next()) {
      if (!(at instanceof ScalarEvent key)) {
        throw unreadable(at, "must have text for its keys");
      }
      refuseTag(at, key.getTag());
      Tree.Field field = new Tree.Field(line(at), column(at), value(events.next(), level + 1));
      if (fields.put(key.getValue(), field) != null) {
        throw unreadable(at, "\"" + key.getValue() + "\" is given twice");
      }
    }
    return fields;
  }

  private List<Tree> list(int level) {
    List<Tree> list = new ArrayList<>();
    for (Event at = events.next(); at.getEventId() != Event.ID.SequenceEnd; at = events.next()) {
      list.add(value(at, level + 1));
    }
    return list;
  }

  private static @Nullable Object scalar(ScalarEvent scalar) {
    String text = scalar.getValue();
    if (!scalar.isPlain()) {
      return text;
    }
    Tag tag = RESOLVER.resolve(text, true);
    if (tag.equals(Tag.NULL)) {
      return null;
    }
    if (tag.equals(Tag.BOOL)) {
      return Boolean.valueOf(text);
    }
    if (tag.equals(Tag.INT) && !text.startsWith("0x") && !text.startsWith("0o")) {
      double number = Double.parseDouble(text);
      return number == (int) number ? (Number) (int) number : number;
    }
    if (tag.equals(Tag.FLOAT)) {
      return decimal(text);
    }
    return text;
  }

  /** Reads a fraction, .inf and .nan among them. */
  private static double decimal(String text) {
    String lower = text.toLowerCase(Locale.ROOT);
    if (lower.endsWith(".inf")) {
      return lower.startsWith("-") ? Double.NEGATIVE_INFINITY : Double.POSITIVE_INFINITY;
    }
    return lower.equals(".nan") ? Double.NaN : Double.parseDouble(text);
  }

  private static void refuseTag(Event event, Optional<String> tag) {
    if (tag.isPresent()) {
      throw unreadable(event, "must not have tags, but has " + tag.get());
    }
  }

  private static Tree tree(Event event, @Nullable Object value) {
    return new Tree(value, line(event), column(event));
  }

  private static int line(Event event) {
    return event.getStartMark().map(mark -> mark.getLine() + 1).orElse(0);
  }

  private static int column(Event event) {
    return event.getStartMark().map(mark -> mark.getColumn() + 1).orElse(0);
  }

  private static RecipeException unreadable(Event event, String message) {
    return Tree.unreadable(line(event), column(event), message);
  }

  static String write(Map<String, ?> map) {
    DumpSettings settings =
        DumpSettings.builder()
            .setSchema(new CoreSchema())
            .setDefaultFlowStyle(FlowStyle.AUTO)
            .build();
    return new Dump(settings).dumpToString(map);
  }
}

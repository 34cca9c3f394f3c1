package io.github.dl4jtorch.files;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Compares what was read with what was written, to the bit: kinds of dict and list, what is one
 * object, which tensors share a storage, what hangs on a name.
 */
final class Same {

  private final IdentityHashMap<Object, Object> counterparts = new IdentityHashMap<>();

  private Same() {}

  static void assertSame(Object actual, Object expected) {
    new Same().compare("value", actual, expected);
  }

  private void compare(String at, Object actual, Object expected) {
    if (expected == null || actual == null || !isObject(expected)) {
      assertThat(actual).as(at).isEqualTo(expected);
      return;
    }
    assertThat(actual.getClass()).as(at).isSameAs(expected.getClass());
    if (expected instanceof Tuple tuple && tuple.isEmpty()) {
      return; // Python has one empty tuple only.
    }
    if (!isCounterpart(at, actual, expected)) {
      return;
    }
    if (expected instanceof TorchTensor tensor) {
      compareTensors(at, (TorchTensor) actual, tensor);
    } else if (expected instanceof Dict dict) {
      compareDicts(at, (Dict) actual, dict);
    } else if (expected instanceof List<?> list) {
      compareLists(at, (List<?>) actual, list);
      if (expected instanceof Tuple tuple) {
        assertThat(((Tuple) actual).isTorchSize()).as(at).isEqualTo(tuple.isTorchSize());
      }
    } else if (expected instanceof OpaqueName name) {
      assertThat(actual).as(at).isEqualTo(name);
      compare(at + ".receiver", ((OpaqueName) actual).receiver(), name.receiver());
    } else if (expected instanceof OpaqueObject object) {
      assertThat(((OpaqueObject) actual).type()).as(at).isEqualTo(object.type());
      compare(at + ".state", ((OpaqueObject) actual).state(), object.state());
    }
  }

  private static boolean isObject(Object value) {
    return value instanceof TorchTensor
        || value instanceof Map<?, ?>
        || value instanceof List<?>
        || value instanceof OpaqueName
        || value instanceof OpaqueObject;
  }

  /** Tells whether the two have been met for the first time, and always each with the other. */
  private boolean isCounterpart(String at, Object actual, Object expected) {
    Object known = counterparts.put(expected, actual);
    if (known != null) {
      assertThat(known == actual).as(at + " is the same object as before").isTrue();
    }
    return known == null;
  }

  private void compareDicts(String at, Dict actual, Dict expected) {
    assertThat(actual.type()).as(at).isEqualTo(expected.type());
    assertThat(actual.defaultFactory()).as(at).isEqualTo(expected.defaultFactory());
    compareLists(
        at + ".keys()", new ArrayList<>(actual.keySet()), new ArrayList<>(expected.keySet()));
    List<Object> values = new ArrayList<>(actual.values());
    int i = 0;
    for (Map.Entry<Object, Object> entry : expected.entrySet()) {
      compare(at + "." + entry.getKey(), values.get(i++), entry.getValue());
    }
    compare(at + ".__dict__", actual.attributeDict(), expected.attributeDict());
  }

  private void compareLists(String at, List<?> actual, List<?> expected) {
    assertThat(actual.size()).as(at).isEqualTo(expected.size());
    for (int i = 0; i < expected.size(); i++) {
      compare(at + "[" + i + "]", actual.get(i), expected.get(i));
    }
  }

  private void compareTensors(String at, TorchTensor actual, TorchTensor expected) {
    assertThat(actual.dtype()).as(at).isEqualTo(expected.dtype());
    assertThat(actual.shape()).as(at).isEqualTo(expected.shape());
    assertThat(actual.strides()).as(at).isEqualTo(expected.strides());
    assertThat(actual.offset()).as(at).isEqualTo(expected.offset());
    assertThat(actual.requiresGrad()).as(at).isEqualTo(expected.requiresGrad());
    assertThat(actual.isParameter()).as(at).isEqualTo(expected.isParameter());
    assertThat(actual.storage().location()).as(at).isEqualTo(expected.storage().location());
    assertThat(actual.storage().size()).as(at).isEqualTo(expected.storage().size());
    isCounterpart(at + ".storage()", actual.storage(), expected.storage());
    assertThat(actual.asByteBuffer()).as(at).isEqualTo(expected.asByteBuffer());
  }
}

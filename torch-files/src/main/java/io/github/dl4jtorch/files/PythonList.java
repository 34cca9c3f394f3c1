package io.github.dl4jtorch.files;

import java.util.AbstractList;
import java.util.Arrays;
import java.util.RandomAccess;
import org.jspecify.annotations.Nullable;

/** Python's list: grows while a file is read, and cannot be changed by whoever gets it. */
final class PythonList extends AbstractList<@Nullable Object> implements RandomAccess {

  private static final @Nullable Object[] NOTHING = {};

  private @Nullable Object[] elements = NOTHING;
  private int size;

  void append(@Nullable Object element) {
    if (size == elements.length) {
      elements = Arrays.copyOf(elements, Math.max(4, size + (size >> 1)));
    }
    elements[size++] = element;
  }

  @Override
  public @Nullable Object get(int index) {
    if (index >= size) {
      throw new IndexOutOfBoundsException(index + " of " + size);
    }
    return elements[index];
  }

  @Override
  public int size() {
    return size;
  }
}

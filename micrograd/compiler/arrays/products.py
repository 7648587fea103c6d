"""How sums of products are written: as matrix products, outer products, sums along dimensions."""

from __future__ import annotations

from math import prod

from .operands import ATOM, LETTERS, PRODUCT, SUM, Operands, Text
from .program import Read, Sum, Term
from .views import BATCH, View, Viewer


class Products(Operands):
    """Writes the steps that add up."""

    def sum(self, step: Sum) -> Text:
        texts: list[Text] = []
        full = False
        # Matrix products first, as one writes them.
        for term in sorted(step.terms, key=lambda t: not t.inner):
            found, covers = self.term(term, step)
            texts.append(found)
            full = full or covers
        parts = [texts[0].text]
        parts += [t.text if t.binding >= PRODUCT else f"({t.text})" for t in texts[1:]]
        depth = max(t.depth for t in texts)
        text = parts[0]
        for part in parts[1:]:
            text += f" - {part[1:]}" if part.startswith("-") else f" + {part}"
        whole = Text(text, SUM if len(parts) > 1 else texts[0].binding, depth)
        if full or not step.shape:
            return whole
        reads = [Read(r.array, 0, r.strides[: len(step.shape)], r.table) for r in step.reads()]
        return self.spread(whole, reads, step)

    def term(self, term: Term, step: Sum) -> tuple[Text, bool]:
        """A product, added up over its inner dimensions; and whether it has all the outer ones."""
        inner, factors = term
        rank = len(step.shape)
        dims = step.shape + inner
        total = step.total and self.batched
        depth = self.depth(factors)
        if not inner and not total:
            outer = self.outer(term, step)
            if outer is not None:
                return outer, True
            texts = [
                self.operand(
                    r, dims, step.varying, PRODUCT + (k and 1) if len(factors) > 1 else SUM
                )
                for k, r in enumerate(factors)
            ]
            if len(factors) == 2 and self.program.number(factors[1].array) is not None:
                texts.reverse()
            if len(factors) == 2:
                for r in factors:
                    if self.program.number(r.array) is not None:
                        texts[0] = self.names[r.array]
            binding = PRODUCT if len(factors) == 2 else self.binding(factors[0], texts[0])
            return Text(" * ".join(texts), binding, depth), self.covered(factors, step.shape)
        inside = list(range(rank, len(dims))) + ([BATCH] if total else [])
        lead = [BATCH] if self.is_batched(step) else []
        outside = lead + list(range(rank))
        views = [self.wrapped(r, self.view(r, dims)) for r in factors]
        have: set[int] = set().union(*(v.axes for v in views))
        present = [k for k in outside if k in have]
        times = prod([dims[k] for k in inside if k != BATCH and k not in have])
        found = self.contraction(views, present, [k for k in inside if k in have], depth)
        covers = all(k in have for k in range(rank) if dims[k] > 1) and 1 not in step.shape
        if len(present) < len(outside):
            text = self.views.broadcast(
                View(found.text if found.binding == ATOM else f"({found.text})", tuple(present)),
                rank,
                step.varying,
            )
            if text != found.text and text != f"({found.text})":
                found = Text(text, ATOM, found.depth)
        if times > 1:
            found = Text(f"{times} * {found.text}", PRODUCT, found.depth)
        return found, covers

    def outer(self, term: Term, step: Sum) -> Text | None:
        """The product of each element of one vector with each of another."""
        if len(term.factors) != 2 or len(step.shape) != 2 or self.is_batched(step):
            return None
        views = {}
        for read in term.factors:
            view = self.view(read, step.shape)
            if len(view.axes) != 1:
                return None
            views[view.axes[0]] = view.text
        if len(views) != 2:
            return None
        return Text(f"np.outer({views[0]}, {views[1]})", ATOM, self.depth(term.factors) + 1)

    def binding(self, read: Read, text: str) -> int:
        found = self.text.get(read.array)
        return found.binding if found is not None and found.text == text else ATOM

    def wrapped(self, read: Read, view: View) -> View:
        """The view in parentheses if it is an expression of others."""
        found = self.text.get(read.array)
        if found is not None and view.text == found.text and found.binding < ATOM:
            return View(f"({view.text})", view.axes)
        return view

    def contraction(
        self, views: list[View], outside: list[int], inside: list[int], depth: int
    ) -> Text:
        """The sum over the dimensions inside of a product of one or two."""
        if len(views) == 1 or not all(v.axes for v in views):
            scalar = [v for v in views if not v.axes]
            (view,) = [v for v in views if v.axes] or views[:1]
            if not view.axes:
                return Text(" * ".join(v.text for v in views), PRODUCT, depth)
            found = self.summed(view, outside, inside, depth)
            if scalar and len(views) > 1:
                return Text(f"{scalar[0].text} * {found.text}", PRODUCT, depth)
            return found
        a, b = views
        both = [k for k in outside if k in a.axes and k in b.axes]
        left = [k for k in outside if k in a.axes and k not in both]
        right = [k for k in outside if k in b.axes and k not in both]
        shared = [k for k in inside if k in a.axes and k in b.axes]
        arranged = self.views.arranged
        if len(shared) == len(inside) == 1 and (not both or (left and right)):
            # A matrix product: of a matrix or vector on the right, and anything on the left.
            products = []
            for x, y, mine, yours in ((a, b, left, right), (b, a, right, left)):
                if len(yours) > 1 or outside != both + mine + yours or (both and len(mine) != 1):
                    continue
                first = arranged(x, both + mine + shared)
                second = arranged(y, both + shared + yours)
                products.append(f"{first} @ {second}")
            if products:  # the one with fewer transpositions
                best = min(products, key=lambda text: text.count(".T") + text.count("swapaxes"))
                return Text(best, PRODUCT, depth)
        if not inside:
            order = sorted(outside)
            place = {k: n for n, k in enumerate(order)}
            texts = []
            for v in views:
                moved = View(v.text, tuple(place[k] for k in v.axes))
                one = Viewer(False, self.table)
                texts.append(one.broadcast(moved, len(order), False))
            return Text(" * ".join(texts), PRODUCT, depth)
        if not left and not right and len(shared) == len(inside):
            order = outside + inside
            if a.axes == b.axes and set(a.axes) == set(order):
                product = View(f"({a.text} * {b.text})", a.axes)
            else:
                product = View(f"({arranged(a, order)} * {arranged(b, order)})", tuple(order))
            return self.summed(product, outside, inside, depth)
        letters = {k: LETTERS[n] for n, k in enumerate(sorted({*a.axes, *b.axes} - {BATCH}))}
        letters[BATCH] = "n"
        spelled = [f"{''.join(letters[k] for k in v.axes)}" for v in views]
        target = "".join(letters[k] for k in outside)
        return Text(
            f'np.einsum("{",".join(spelled)}->{target}", {a.text}, {b.text})', ATOM, depth + 1
        )

    def summed(self, view: View, outside: list[int], inside: list[int], depth: int) -> Text:
        axes = [n for n, k in enumerate(view.axes) if k in inside]
        if not axes:
            return Text(self.views.arranged(view, outside), ATOM, depth)
        rest = tuple(k for k in view.axes if k not in inside)
        if not rest:
            text = f"{view.text}.sum()"
        else:
            at = [n if n < len(view.axes) - 1 else -1 for n in axes]
            text = f"{view.text}.sum({at[0] if len(at) == 1 else tuple(at)})"
        return Text(self.views.arranged(View(text, rest), outside), ATOM, depth)
